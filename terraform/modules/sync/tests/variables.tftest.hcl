# Beside what pytest asks of a deployment as a whole: what a variable refuses.
mock_provider "google" {
  mock_resource "google_storage_bucket" {
    defaults = {
      project_number = 123456789012
    }
  }
}

variables {
  project_id     = "example-calsync"
  project_number = "123456789012"
  region         = "us-east1"
  practices      = ["demo"]
}

run "defaults_are_enough" {
  command = apply

  assert {
    condition     = length(google_cloudfunctions2_function.main) == 5
    error_message = "Five functions."
  }

  assert {
    condition     = output.hook_urls == { demo = "https://push-webhook-123456789012.us-east1.run.app/ehr/demo" }
    error_message = "An EHR is told where to say that something changed."
  }
}

run "a_practice_is_needed" {
  command = plan

  variables {
    practices = []
  }

  expect_failures = [var.practices]
}

run "a_practice_is_part_of_an_address" {
  command = plan

  variables {
    practices = ["Lake Side"]
  }

  expect_failures = [var.practices]
}

run "a_multi_region_has_no_functions" {
  command = plan

  variables {
    region = "us"
  }

  expect_failures = [var.region]
}

run "a_number_is_no_name" {
  command = plan

  variables {
    project_number = "example-calsync"
  }

  expect_failures = [var.project_number]
}

run "the_default_database_is_left_alone" {
  command = plan

  variables {
    database = "(default)"
  }

  expect_failures = [var.database]
}

run "an_instance_is_kept_warm_of_a_function_that_there_is" {
  command = plan

  variables {
    min_instances = { webhook = 1 }
  }

  expect_failures = [var.min_instances]
}

run "backups_are_kept_for_whole_days" {
  command = plan

  variables {
    backup_days = 0
  }

  expect_failures = [var.backup_days]
}

run "a_runtime_that_was_tried" {
  command = plan

  variables {
    runtime = "nodejs22"
  }

  expect_failures = [var.runtime]
}
