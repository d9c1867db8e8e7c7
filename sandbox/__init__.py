"""The whole world on one machine: Google, the EHR, Firestore. The product never imports it."""
