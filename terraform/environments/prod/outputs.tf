output "sync" {
  description = "What is to be registered with Google and the EHRs, which secrets wait for a value, and where it is."
  value       = module.sync
}
