"""Who gets what at which address. Whoever adds an address adds a row to TABLE.

A row names a route as the resolver has it, and what each persona gets there: a status, or a place
that a redirect leads to. Give ``post`` for what is posted, else it is a GET.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from billing.lago.wire import SOURCE

Gets = Mapping[str, int | str]

VISITOR, OTHER, MEMBER, BILLING, OWNER, STAFF = PERSONAS = (
    "a visitor",
    "a member of another organisation",
    "a member",
    "a billing member",
    "an owner",
    "an operator",
)
KEY, OTHER_KEY = "a key of the organisation", "a key of another organisation"

SIGN_IN, DONE = "/login/", "/organisations/acme/"
INSIDE = (MEMBER, BILLING, OWNER, STAFF)


def may(*who: str, gets: int | str = 200, others: int | str = 404) -> Gets:
    """Say what those get who may, and others; visitors are to sign in."""
    return {VISITOR: SIGN_IN, **{one: gets if one in who else others for one in PERSONAS[1:]}}


EVERYBODY: Gets = dict.fromkeys(PERSONAS, 200)
NOBODY: Gets = dict.fromkeys(PERSONAS, 404)
NOT_SERVED: Gets = dict.fromkeys(PERSONAS, 501)  # of Lago
MEMBERS = may(*INSIDE)
BILLERS = may(BILLING, OWNER, STAFF)
OWNERS = may(OWNER, STAFF)
OPERATORS = may(STAFF)
MEMBERS_DO = may(*INSIDE, gets=DONE)
BILLERS_DO = may(BILLING, OWNER, STAFF, gets=DONE)
OWNERS_DO = may(OWNER, STAFF, gets=DONE)
NO_COOKIE: Gets = dict.fromkeys(PERSONAS, 401)  # for programs, which send a key


def programs(own: int = 200, other: int = 404) -> Gets:
    """Say what the keys of the organisation and of another one get; cookies open nothing."""
    return {**NO_COOKIE, KEY: own, OTHER_KEY: other}


@dataclass(frozen=True, slots=True)
class Row:
    """``at`` is the address where the route is a pattern; a ``body`` is posted as it is.

    ``named`` says which of the test's things a parameter is, where not that of its own name.

    ``shows`` where the page tells everybody about the organisation on purpose.
    """

    route: str
    gets: Gets
    post: Mapping[str, str] | None = None
    body: str | None = None
    content_type: str = "application/json"
    method: str = "GET"
    at: str | None = None
    named: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    shows: bool = False


ORG = "organisations/<slug:slug>/"
SETTINGS = f"{ORG}settings/"
EVENT = """{"specversion": "1.0", "id": "new", "source": "walk", "type": "walk", "data": {}}"""
LAGO_EVENT = """{"transaction_id": "new", "code": "execution-time",
    "external_subscription_id": "acme", "properties": {"seconds": "1"}}"""
NEW_METER = """{"slug": "walk", "aggregation": "COUNT", "eventType": "walk"}"""

PAGES = [
    Row("", {**may(OTHER, *INSIDE, gets="/"), VISITOR: 200}),
    Row("login/", EVERYBODY),
    Row(
        "language/", dict.fromkeys(PERSONAS, "/login/"), post={"language": "de", "next": "/login/"}
    ),
    Row("logout/", dict.fromkeys(PERSONAS, SIGN_IN), post={}),
    Row("metrics", NOBODY),
    Row("overview/", OPERATORS),
    Row("overview/export/", OPERATORS),
    Row("overview/export/focus/", OPERATORS),
    Row("events/", OPERATORS),
    Row("organisations/", OPERATORS),
    Row(f"{ORG}usage/", MEMBERS),
    Row(f"{ORG}usage/days/<str:day>/", MEMBERS),
    Row(f"{ORG}usage/export/", MEMBERS),
    Row(f"{ORG}events/", MEMBERS),
    Row(
        f"{ORG}events/void/",
        BILLERS_DO,
        post={"source": SOURCE, "id": "secret-event", "reason": "Test"},
    ),
    Row(f"{ORG}costs/", MEMBERS),
    Row(f"{ORG}costs/export/", MEMBERS),
    Row(f"{ORG}costs/", BILLERS_DO, post={"amount": "100"}),
    Row(f"{ORG}costs/budget/remove/", BILLERS_DO, post={}),
    Row(f"{ORG}invoices/", MEMBERS),
    Row(f"{ORG}invoices/<str:number>/", MEMBERS),
    Row(f"{ORG}invoices/<str:number>/pdf/", MEMBERS),
    Row(f"{ORG}invoices/<str:number>/verify/", may(STAFF, gets=DONE), post={}),
    Row(f"{ORG}invoices/<str:number>/lines/<int:position>/", MEMBERS),
    Row(f"{ORG}credit-notes/<str:number>/", MEMBERS, named={"number": "credit_note"}),
    Row(f"{ORG}credit-notes/<str:number>/pdf/", MEMBERS, named={"number": "credit_note"}),
    Row(f"{ORG}files/", MEMBERS),
    Row(f"{ORG}files/<uuid:file_id>/delete/", MEMBERS_DO, post={}),
    Row(SETTINGS, MEMBERS),
    Row(f"{SETTINGS}time-zone/", OWNERS_DO, post={"time_zone": "Asia/Tokyo"}),
    Row(f"{SETTINGS}emails/", may(MEMBER, BILLING, OWNER, gets=DONE), post={}),
    Row(f"{SETTINGS}leave/", may(MEMBER, BILLING, OWNER, gets="/"), post={}),
    Row(f"{SETTINGS}members/", OWNERS),
    Row(f"{SETTINGS}members/", OWNERS_DO, post={"email": "new@x.org", "role": "member"}),
    Row(f"{SETTINGS}members/<int:member_id>/role/", OWNERS_DO, post={"role": "owner"}),
    Row(f"{SETTINGS}members/<int:member_id>/remove/", OWNERS_DO, post={}),
    Row(f"{SETTINGS}invitations/<int:invitation_id>/withdraw/", OWNERS_DO, post={}),
    Row(f"{SETTINGS}keys/", OWNERS),
    Row(f"{SETTINGS}keys/", OWNERS, post={"name": "new"}),
    Row(f"{SETTINGS}keys/<slug:prefix>/revoke/", OWNERS_DO, post={}),
    Row(f"{SETTINGS}billing/", BILLERS),
    Row(
        f"{SETTINGS}billing/",
        BILLERS_DO,
        post={"legal_name": "Acme", "country": "DE", "language": "de"},
    ),
    Row(f"{SETTINGS}log/", OWNERS),
    Row("invitations/<str:token>/", EVERYBODY, shows=True),
]

FILES = [
    Row("files/<slug:slug>/", EVERYBODY, method="OPTIONS"),
    Row(
        "files/<slug:slug>/",
        {VISITOR: 401, OTHER: 404, **dict.fromkeys(INSIDE, 201), KEY: 201, OTHER_KEY: 404},
        method="POST",
    ),
    Row(
        "files/<slug:slug>/<str:upload_id>",
        {VISITOR: 401, OTHER: 404, **dict.fromkeys(INSIDE, 200), KEY: 200, OTHER_KEY: 404},
    ),
    Row("files/<path:rest>", NOBODY, at="files/acme/too/deep"),
]

API = "api/v1/"
METER = f"{API}meters/<meter>"
PROGRAMS = [
    Row(f"{API}openapi.json", EVERYBODY),
    Row(f"{API}docs", EVERYBODY),
    Row(API, NOBODY),
    Row(f"{API}events", programs(other=200)),  # of its own organisation alone
    Row(
        f"{API}events",
        programs(own=204, other=204),
        body=EVENT,
        content_type="application/cloudevents+json",
    ),
    Row("api/v2/", NOBODY),
    Row("api/v2/events", programs(other=200)),  # of its own organisation alone
    Row(f"{API}meters", programs(other=200)),
    Row(f"{API}meters", programs(own=403, other=403), body=NEW_METER),
    Row(METER, programs(other=200)),
    Row(METER, programs(own=403, other=403), method="DELETE"),
    Row(f"{METER}/query", programs(other=200)),
    Row(f"{METER}/subjects", programs(other=200)),
    Row(f"{METER}/group-by/<name>/values", programs(own=404)),
    Row(f"{API}plans", programs(other=200)),  # those that are published, and its own
    Row(f"{API}plans/<plan>/versions/<version>", programs()),
    Row(
        f"{API}costs/focus",
        programs(other=200),  # of its own organisation alone
        query="from=2026-01-01&to=2026-01-31",
    ),
    Row(f"{API}files", programs(other=200)),
    Row(f"{API}files/<file_id>", programs()),
    Row("lago/api/v1/", NOBODY),
    Row("lago/api/v1/events", programs(other=200)),
    Row("lago/api/v1/events", programs(other=422), body=f'{{"event": {LAGO_EVENT}}}'),
    Row("lago/api/v1/events/batch", programs(other=422), body=f'{{"events": [{LAGO_EVENT}]}}'),
    Row("lago/api/v1/events/<transaction_id>", programs()),
    Row(
        "lago/api/v1/customers/<external_customer_id>/current_usage",
        programs(),
        query="external_subscription_id=acme",
    ),
    Row(
        r"lago/^api/v1/(?P<rest>events/(?:batch_)?estimate_\w+)$",
        NOT_SERVED,
        at="lago/api/v1/events/estimate_fees",
    ),
    Row("lago/^(?P<rest>.*)$", NOT_SERVED, at="lago/api/v1/plans"),
]

TABLE: Sequence[Row] = [*PAGES, *FILES, *PROGRAMS]
