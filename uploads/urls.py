"""The upload endpoints."""

from django.urls import path

from uploads import tus

urlpatterns = [
    path("<slug:slug>/", tus.uploads, name="uploads"),
    path("<slug:slug>/<str:upload_id>", tus.upload, name="upload"),
    path("<path:rest>", tus.nowhere),
]
