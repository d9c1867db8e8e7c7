"""The plan under checkov's rules: `make scan`. A finding is accepted by name and with its reason, or mended.

Not among the tests that always run: checkov has an environment of its own, with a hundred distributions.
"""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from tests.deploy.checks import PUBLIC
from tests.deploy.terraforming import SECONDS, Terraform

KEY = "projects/keys/locations/us-east1/keyRings/calsync/cryptoKeys/data"
FUNCTION = 'module.sync.google_cloudfunctions2_function.main["{}"]'
CALLERS = 'module.sync.google_cloud_run_service_iam_member.public["{}"]'
BUCKET = "module.sync.google_storage_bucket.source"
IMAGES = "module.sync.google_artifact_registry_repository.main"

OPEN = "Google and browsers have no identity of Google Cloud; the function itself checks who calls"
SOURCES = "it holds sources, no data, and only builds read it; who changes it is in the audit log"
ACCEPTED: dict[tuple[str, str], str] = {
    **{("CKV_GCP_102", CALLERS.format(name)): OPEN for name in PUBLIC},
    **{("CKV_GCP_124", FUNCTION.format(name)): OPEN for name in PUBLIC},
    ("CKV_GCP_62", BUCKET): SOURCES,
    ("CKV_GCP_63", BUCKET): SOURCES,
}
WITHOUT_A_KEY = {
    ("CKV_GCP_84", IMAGES): "Google's own encryption, unless kms_key is set: images hold no data"
}


def findings(terraform: Terraform, **variables: object) -> set[tuple[str, str]]:
    """Rule and resource of whatever fails."""
    plan = terraform.planned("prod", **variables)
    file = terraform.folder / "plan.json"
    file.write_text(json.dumps(plan))
    rules = ("--framework", "terraform_plan", "--skip-download", "--quiet", "--compact", "--soft-fail")
    done = subprocess.run(
        [os.environ["CHECKOV"], "--file", file, *rules, "--output", "json"],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    report = json.loads(done.stdout)
    assert report["summary"]["passed"] > 20
    assert report["summary"]["parsing_errors"] == 0
    return {(each["check_id"], each["resource"]) for each in report["results"]["failed_checks"]}


def test_every_finding_is_accepted_with_a_reason(terraform: Terraform) -> None:
    assert findings(terraform) == {*ACCEPTED, *WITHOUT_A_KEY}


def test_a_key_of_ones_own_and_a_domain_leave_fewer(terraform: Terraform) -> None:
    behind_a_balancer = {each for each in ACCEPTED if each[0] == "CKV_GCP_124"}
    found = findings(terraform, kms_key=KEY, domain={"name": "sync.example.com"})
    assert found == set(ACCEPTED) - behind_a_balancer


def test_a_function_that_is_opened_is_found(
    terraform: Terraform, tmp_path_factory: pytest.TempPathFactory
) -> None:
    copy = terraform.mutated(tmp_path_factory.mktemp("opened") / "copy")
    path = copy.folder / "terraform/modules/sync/functions.tf"
    path.write_text(path.read_text().replace('"ALLOW_INTERNAL_ONLY"', '"ALLOW_ALL"'))
    assert ("CKV_GCP_124", FUNCTION.format("sync_task")) in findings(copy)
