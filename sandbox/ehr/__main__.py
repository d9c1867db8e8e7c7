from __future__ import annotations

from sandbox.ehr.clock import SandboxClock
from sandbox.ehr.identity import PRACTICE
from sandbox.ehr.instants import parse_instant
from sandbox.ehr.profiles import PROFILES
from sandbox.ehr.server import TOKEN, make_app
from sandbox.serving import argument_parser, serve


def main() -> None:
    parser = argument_parser("ehr", "A local FHIR R4 server that stands for the hosted EHR.")
    parser.add_argument("--now", help="instant at which its clock starts (default: the machine's time)")
    parser.add_argument("--token", default=TOKEN, help="the bearer token it accepts (default: %(default)s)")
    parser.add_argument("--practice", default=PRACTICE, help="its name in tokens (default: %(default)s)")
    parser.add_argument(
        "--calsync-api", default="", help="where the sync's endpoints for the front end begin"
    )
    parser.add_argument("--google-app", default="", help="the page of Google's calendar, to be shown beside")
    parser.add_argument("--profile", choices=PROFILES, default="medplum", help="which server it is like")
    options = parser.parse_args()
    clock = SandboxClock()
    if options.now is not None:
        try:
            clock.set(now=parse_instant(options.now))
        except ValueError as error:
            parser.error(f"--now: {error}")
    app = make_app(
        clock,
        token=options.token,
        practice=options.practice,
        calsync_api=options.calsync_api,
        google_app=options.google_app,
        settings=PROFILES[options.profile],
    )
    serve("sandbox ehr", app, options.port, options.host)


if __name__ == "__main__":
    main()
