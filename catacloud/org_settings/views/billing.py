"""Who is invoiced, and in which language: for owners and those who see to the bills."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from billing.invoicing.legal import BillingDetails
from catacloud.accounts.access import SignedInRequest, get_organisation_as, signed_in
from catacloud.accounts.models import Role
from catacloud.org_settings import changes
from catacloud.org_settings.forms import BillingDetailsForm
from catacloud.org_settings.views.shown import show


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def billing_details(request: SignedInRequest, slug: str) -> HttpResponse:
    organisation = get_organisation_as(request.user, slug, Role.OWNER, Role.BILLING)
    details = BillingDetails.objects.filter(organisation=organisation).first()
    form = BillingDetailsForm(
        request.POST or None, instance=details or BillingDetails(organisation=organisation)
    )
    if request.method == "POST" and form.is_valid():
        changes.save_billing_details(
            form.instance, changed=form.changed_data, by=request.user, now=timezone.now()
        )
        messages.success(request, _("The billing details are saved: the next invoice has them."))
        return redirect("billing-details", slug)
    return show(request, "billing", organisation, form=form)
