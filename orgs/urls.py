"""Addresses of sign-in, people and the settings of the organisation."""

from django.urls import path

from .views import account, people

urlpatterns = [
    path("login/", account.sign_in, name="login"),
    path("login/forgot/", account.forgot, name="password_forgot"),
    path("login/reset/<str:uid>/<str:token>/", account.reset, name="password_reset"),
    path("logout/", account.sign_out, name="logout"),
    path("me/password/", account.password, name="password"),
    path("pick/employee/", people.pick_employee, name="pick-employee"),
    path("pick/colleague/", people.pick_colleague, name="pick-colleague"),
    path("pick/department/", people.pick_department, name="pick-department"),
    path("people/<int:pk>/", people.card, name="person"),
]
