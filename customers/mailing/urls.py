"""Addresses of letters to customers."""

from django.urls import path

from .views import compose, optouts, pages, public, templates

urlpatterns = [
    path("customers/mail/", compose.MailView.as_view(module_name="customer"), name="customer-mail"),
    path("contacts/mail/", compose.MailView.as_view(module_name="contact"), name="contact-mail"),
    path("mailings/", pages.index, name="mailings"),
    path("mailings/templates/", templates.index, name="mail-templates"),
    path("mailings/templates/new/", templates.create, name="mail-template-new"),
    path("mailings/templates/<int:pk>/", templates.edit, name="mail-template"),
    path("mailings/templates/<int:pk>/delete/", templates.delete, name="mail-template-delete"),
    path("mailings/<int:pk>/", pages.detail, name="mailing"),
    path("mailings/<int:pk>/stop/", pages.stop, name="mailing-stop"),
    path("mailings/<int:pk>/resend/", pages.resend, name="mailing-resend"),
    path("settings/optouts/", optouts.index, name="mail-optouts"),
    path("settings/optouts/<int:pk>/remove/", optouts.remove, name="mail-optout-remove"),
    path("unsubscribe/<str:token>/", public.unsubscribe, name="unsubscribe"),
]
