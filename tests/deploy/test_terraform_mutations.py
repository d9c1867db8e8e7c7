"""Whatever could be got wrong in Terraform is seen: each mutation of it is reported by a check."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.deploy.checks import problems
from tests.deploy.terraforming import Terraform


@dataclass(frozen=True)
class Mutation:
    file: str
    old: str
    """Its first place in the file."""
    new: str
    reported: str
    """The beginning of what a check says."""


MUTATIONS = {
    "a private function is made public": Mutation(
        "functions.tf", "is_public       = false", "is_public       = true", "who may call"
    ),
    "everybody may call what tasks call": Mutation(
        "functions.tf", "google_service_account.tasks_invoker.member", '"allUsers"', "who may call"
    ),
    "a private function is reached from outside": Mutation(
        "functions.tf", '"ALLOW_INTERNAL_ONLY"', '"ALLOW_ALL"', "sync_task is reached from outside"
    ),
    "a function runs as another account": Mutation(
        "functions.tf",
        "google_service_account.function[each.key].email",
        "google_service_account.build.email",
        "accounts of functions",
    ),
    "a grant of a queue is gone": Mutation(
        "queues.tf", 'channel_renewer = ["live", "bulk"]', 'channel_renewer = ["live"]', "who enqueues"
    ),
    "the exposed function reaches long work": Mutation(
        "queues.tf", 'push_webhook    = ["live"]', 'push_webhook    = ["live", "bulk"]', "who enqueues"
    ),
    "the renewer reads a secret": Mutation(
        "secrets.tf",
        '["push_webhook", "sync_task"]',
        '["push_webhook", "sync_task", "channel_renewer"]',
        "who reads which secret",
    ),
    "a secret is not for all who read it": Mutation(
        "secrets.tf", '["oauth_callback", "settings_api"]', '["settings_api"]', "who reads which secret"
    ),
    "the renewer may write": Mutation(
        "firestore.tf", '"roles/datastore.viewer"', '"roles/datastore.user"', "rights on the project"
    ),
    "a right holds for every database": Mutation(
        "firestore.tf", "databases/${var.database}", "databases/", "google_project_iam_member.store"
    ),
    "a setting has another name": Mutation(
        "settings.tf",
        "SCHEDULER_AUDIENCE =",
        "SCHEDULER_TARGET   =",
        "channel_renewer reads scheduler_audience",
    ),
    "a setting is not for all who read it": Mutation(
        "settings.tf",
        'functions = ["oauth_callback", "sync_task", "channel_renewer", "settings_api"]',
        'functions = ["oauth_callback", "sync_task", "settings_api"]',
        "channel_renewer reads database",
    ),
    "a setting is for who does not read it": Mutation(
        "settings.tf",
        'functions = ["sync_task"]',
        'functions = ["sync_task", "push_webhook"]',
        "push_webhook does not read push_url",
    ),
    "an index is gone": Mutation("firestore.tf", "due_at = local.ordered, ", "", "no index for a query"),
    "the composite index is of one collection": Mutation(
        "firestore.tf", '"COLLECTION_GROUP"', '"COLLECTION"', "no index for a query"
    ),
    "an index is for no query": Mutation(
        "firestore.tf",
        "followed     = {}",
        "followed     = { versions = local.ordered }",
        "an index for no query",
    ),
    "the database can be deleted": Mutation(
        "firestore.tf", '"DELETE_PROTECTION_ENABLED"', '"DELETE_PROTECTION_DISABLED"', "database"
    ),
    "a job is ended before its lease": Mutation(
        "functions.tf",
        "timeout_seconds = 150",
        "timeout_seconds = 60",
        "sync_task is ended before a lease is",
    ),
    "tries of a task overlap": Mutation(
        "functions.tf", "timeout_seconds = 150", "timeout_seconds = 300", "a task is tried again while"
    ),
    "there is less room than the queues fill": Mutation(
        "functions.tf", "concurrency     = 8", "concurrency     = 4", "sync_task has room for 32 tasks"
    ),
    "a queue lets more run": Mutation("queues.tf", "at_once = 16", "at_once = 64", "tasks at once"),
    "the scheduler calls for another audience": Mutation(
        "scheduler.tf",
        "= local.service_urls.channel_renewer\n",
        "= local.service_urls.sync_task\n",
        "audience of the scheduler",
    ),
    "sources keep their name": Mutation(
        "source.tf", "= one(local.bundles[each.key]) #", '= "${each.key}.zip" #', "the sources of"
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_is_reported(name: str, terraform: Terraform, tmp_path: Path) -> None:
    mutation = MUTATIONS[name]
    copy = terraform.mutated(tmp_path / "copy")
    path = copy.folder / "terraform/modules/sync" / mutation.file
    text = path.read_text(encoding="utf-8")
    assert mutation.old in text
    path.write_text(text.replace(mutation.old, mutation.new, 1), encoding="utf-8")
    reported = problems(copy.applied("prod"))
    assert [each for each in reported if each.startswith(mutation.reported)], reported
