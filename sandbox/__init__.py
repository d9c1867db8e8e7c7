"""The whole world on one machine: Google, the EHR, Firestore. Never deployed, never imported by the product."""
