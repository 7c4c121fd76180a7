"""The upload endpoints, and the pages."""

from django.urls import path

from uploads import pages, tus

urlpatterns = [
    path("organisations/<slug:slug>/files/", pages.file_list, name="files"),
    path(
        "organisations/<slug:slug>/files/<uuid:file_id>/delete/",
        pages.delete_file,
        name="delete-file",
    ),
    path("files/<slug:slug>/", tus.uploads, name="uploads"),
    path("files/<slug:slug>/<str:upload_id>", tus.upload, name="upload"),
    path("files/<path:rest>", tus.nowhere),
]
