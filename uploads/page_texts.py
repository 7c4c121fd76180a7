"""What the script of the files page says of an upload. ``%(name)s`` and such it fills in itself."""

from django.utils.translation import gettext_lazy as _

TEXTS = {
    "bytes": _("bytes"),
    "pause": _("Pause"),
    "pauseOne": _("Pause %(name)s"),
    "resume": _("Resume"),
    "resumeOne": _("Resume %(name)s"),
    "hide": _("Hide"),
    "hideOne": _("Hide %(name)s"),
    "cancel": _("Cancel"),
    "cancelOne": _("Cancel %(name)s"),
    "progressOf": _("Progress of %(name)s"),
    "waiting": _("Waiting for its turn"),
    "starting": _("Starting"),
    "interrupted": _("Interrupted, trying again"),
    "sent": _("%(sent)s of %(total)s"),
    "uploaded": _("Uploaded"),
    "paused": _("Paused"),
    "pausedAt": _("Paused at %(percent)s"),
    "cancelling": _("Cancelling"),
    "isUploaded": _("%(name)s is uploaded."),
    "isNotUploaded": _("%(name)s is not uploaded. %(why)s"),
    "isPaused": _("%(name)s is paused."),
    "isCancelled": _("%(name)s is cancelled."),
    "noFolders": _("Folders cannot be uploaded, only files."),
    "unreadable": _("The file cannot be read. Was it moved or changed?"),
    "offline": _("You are offline. It goes on when you are back."),
    "unreachable": _(
        "The server cannot be reached. Resume when it is back: what has arrived is kept."
    ),
    "failed": _("The server failed (%(status)s). Resume in a while: what has arrived is kept."),
    "refused": {
        401: _("You are signed out. Sign in in another tab, then resume."),
        402: _(
            "The budget is used up: raise it, or upload this when its billing period has ended."
        ),
        403: _(
            "The server did not accept this page. Reload it and choose the file again: it goes on "
            "where it was."
        ),
        404: _("You cannot upload to this organisation any more."),
        413: _("There is no room for this file: delete files, or ask for a larger quota."),
    },
}
