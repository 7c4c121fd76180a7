"""The pages of an organisation's settings, and that of an invitation."""

from django.urls import path

from catacloud.org_settings.views import billing, general, invitation, keys, log, members

ROOT = "organisations/<slug:slug>/settings/"

urlpatterns = [
    path(ROOT, general.general, name="settings"),
    path(f"{ROOT}time-zone/", general.time_zone, name="change-time-zone"),
    path(f"{ROOT}emails/", general.emails, name="choose-emails"),
    path(f"{ROOT}leave/", general.leave, name="leave"),
    path(f"{ROOT}members/", members.members, name="members"),
    path(f"{ROOT}members/<int:member_id>/role/", members.role, name="change-role"),
    path(f"{ROOT}members/<int:member_id>/remove/", members.remove, name="remove-member"),
    path(
        f"{ROOT}invitations/<int:invitation_id>/withdraw/",
        members.withdraw,
        name="withdraw-invitation",
    ),
    path(f"{ROOT}keys/", keys.keys, name="keys"),
    path(f"{ROOT}keys/<slug:prefix>/revoke/", keys.revoke, name="revoke-key"),
    path(f"{ROOT}billing/", billing.billing_details, name="billing-details"),
    path(f"{ROOT}log/", log.log, name="log"),
    path("invitations/<str:token>/", invitation.invitation, name="invitation"),
]
