"""The deployment, checked without a cloud: `tests/deploy/checks.py` on what an apply would make."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from shared.settings import Function, used_by
from tests.deploy import checks
from tests.deploy.checks import AT_DEFAULT, PUBLIC, TUNED, environment_of, problems, service
from tests.deploy.queries import SITES, conditions, sites
from tests.deploy.terraforming import NUMBER, ROOT, VARIABLES, Infrastructure, Terraform

STATE_ROW = re.compile(r"^\| `([^`]+)` \| (.*) \|$", re.MULTILINE)


@pytest.fixture(scope="module")
def prod(terraform: Terraform) -> Infrastructure:
    return terraform.applied("prod")


# --- as it is -------------------------------------------------------------------------------------------


def test_it_is_formatted_and_valid(terraform: Terraform) -> None:
    terraform.run(terraform.folder / "terraform", "fmt", "-check", "-recursive", "-diff")
    for environment in ("dev", "prod"):
        terraform.run(terraform.root(environment), "validate", "-no-color")


def test_its_own_tests_pass(terraform: Terraform) -> None:
    done = terraform.run(terraform.folder / "terraform/modules/sync", "test", "-no-color")
    assert re.search(r"[1-9]\d* passed, 0 failed", done.stdout), done.stdout


@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.__name__)
def test_production_is_as_it_has_to_be(check: checks.Check, prod: Infrastructure) -> None:
    assert check(prod) == []


def test_every_setting_of_the_code_is_deployed_tuned_or_left_alone_on_purpose() -> None:
    assert checks.check_every_setting_is_known() == []


def test_what_may_be_tuned_reaches_whoever_reads_it(terraform: Terraform) -> None:
    settings = {name.upper(): value for name, value in TUNED.items()}
    tuned = terraform.applied("prod", settings=settings)
    assert checks.check_settings(tuned) == []
    for function in Function:
        environment = environment_of(tuned, function)
        for name in set(TUNED) & set(used_by(function)):
            assert environment[f"CALSYNC_{name.upper()}"] == TUNED[name]


def test_what_is_left_alone_is_not_set(prod: Infrastructure) -> None:
    names = {name for function in Function for name in environment_of(prod, function)}
    assert names & {f"CALSYNC_{name.upper()}" for name in AT_DEFAULT | set(TUNED)} == set()


def test_development_can_be_destroyed_and_differs_in_nothing_else_that_is_checked(
    terraform: Terraform,
) -> None:
    dev = terraform.applied("dev")
    database = dev.one("google_firestore_database").values
    assert (database["delete_protection_state"], database["deletion_policy"]) == (
        "DELETE_PROTECTION_DISABLED",
        "DELETE",
    )
    assert [problem for problem in problems(dev) if not problem.startswith("database:")] == []


def test_what_is_to_be_registered_is_told(prod: Infrastructure) -> None:
    webhook = f"https://push-webhook-{NUMBER}.us-east1.run.app"
    assert (
        prod.outputs["oauth_redirect_url"]
        == f"https://oauth-callback-{NUMBER}.us-east1.run.app/oauth/callback"
    )
    assert prod.outputs["push_url"] == f"{webhook}/google"
    assert prod.outputs["hook_urls"]["lakeside"] == f"{webhook}/ehr/lakeside"
    assert set(prod.outputs["secrets"]) == {name for name, _ in checks.secret_readers()}


def test_everything_that_is_off_by_default_can_be_switched_on(terraform: Terraform) -> None:
    key = "projects/keys/locations/us-east1/keyRings/calsync/cryptoKeys/data"
    full = terraform.applied(
        "prod",
        kms_key=key,
        domain={"name": "sync.example.com"},
        budget={"billing_account": "012345-6789AB-CDEF01", "amount": 500},
        queue_suffix="-2",
        paused=True,
        min_instances={"push_webhook": 1},
    )
    assert problems(full) == []
    assert [each.values["kms_key_name"] for each in checks.functions(full).values()] == [key] * len(Function)
    assert {service(checks.functions(full)[name])["ingress_settings"] for name in PUBLIC} == {
        "ALLOW_INTERNAL_AND_GCLB"
    }
    names = full.one("google_compute_managed_ssl_certificate").values["managed"][0]["domains"]
    assert sorted(names) == [
        f"{name}.sync.example.com" for name in ("oauth-callback", "push-webhook", "settings-api")
    ]
    assert full.outputs["push_url"] == "https://push-webhook.sync.example.com/google"
    assert len(full.all("google_billing_budget")) == 1
    assert {each.values["desired_state"] for each in full.all("google_cloud_tasks_queue")} == {"PAUSED"}
    assert environment_of(full, Function.SETTINGS_API)["CALSYNC_QUEUE_LIVE"] == "live-2"


def test_nothing_of_that_is_there_by_default(prod: Infrastructure) -> None:
    kinds = {each.type for each in prod.resources}
    assert [
        kind for kind in kinds if kind.startswith(("google_compute", "google_billing", "google_kms"))
    ] == []


def test_a_plan_needs_nothing_but_what_is_given(terraform: Terraform) -> None:
    plan = terraform.planned("prod")
    planned = Infrastructure(plan["planned_values"]["root_module"])
    assert checks.check_ingress(planned) == checks.check_places(planned) == []
    assert {each["change"]["actions"][0] for each in plan["resource_changes"]} == {"create"}


# --- the queries and the store --------------------------------------------------------------------------


def test_every_query_of_the_code_is_in_the_table() -> None:
    found = sites()
    assert set(found) == set(SITES)
    assert conditions() <= set(SITES)
    for name, site in found.items():
        queries = SITES[name]
        fields = {field for query in queries for field in query.fields}
        assert fields >= site.fields, name
        assert fields == site.fields or site.named_elsewhere, name
        assert any(query.group for query in queries) is site.group, name


def collections() -> dict[str, str]:
    """The fields of each stored document by its collection, from the page that a test holds to the code."""
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    state = page.partition("\n## State\n")[2].partition("\n## ")[0]
    found: dict[str, str] = {}
    for path, fields in STATE_ROW.findall(state):
        name = path.split("/")[-2]
        found[name] = found.get(name, "") + fields
    assert "calendars" in found
    return found


def test_no_field_of_any_document_is_indexed_unless_it_is_queried(prod: Infrastructure) -> None:
    assert checks.unindexed(prod) == set(collections())


def test_whatever_is_to_expire_does(prod: Infrastructure) -> None:
    wanted = {(name, "expire_at") for name, fields in collections().items() if "`expire_at`" in fields}
    assert checks.expiring(prod) == wanted


# --- what is refused ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("project_number", "1234567", "not the number of project_id"),
        ("practices", ["a", "a-hooks"], "may not end in -hooks"),
        ("settings", {"LEASE_S": "300"}, "LEASE_S may be 100 at most"),
        ("settings", {"TASKS_HOST": "here:1"}, "Only BUCKET_S"),
        ("kms_key", "projects/k/locations/us/keyRings/r/cryptoKeys/k", "in the region of everything else"),
    ],
)
def test_what_cannot_be_right_is_refused(
    variable: str, value: object, said: str, terraform: Terraform
) -> None:
    with pytest.raises(AssertionError) as caught:
        terraform.applied("prod", **{variable: value})
    assert said in re.sub(r"\s+", " ", str(caught.value))


@pytest.mark.parametrize("count", [0, 2])
def test_without_exactly_one_bundle_nothing_is_planned(
    count: int, terraform: Terraform, tmp_path: Path
) -> None:
    copy = terraform.mutated(tmp_path / "copy")
    bundle = next((copy.folder / "dist").glob("sync_task-*.zip"))
    if count:
        shutil.copy(bundle, bundle.with_name("sync_task-0000000000000000.zip"))
    else:
        bundle.unlink()
    with pytest.raises(AssertionError, match=r"run make bundles first|one element or none"):
        copy.applied("prod")


def test_the_variables_of_these_tests_are_those_of_the_examples() -> None:
    for environment in ("dev", "prod"):
        example = (ROOT / "terraform/environments" / environment / "terraform.tfvars.example").read_text()
        assert set(VARIABLES) <= set(re.findall(r"^(\w+) *=", example, re.MULTILINE))
