from django.urls import path

from customers.pools.urls import pool_urls

from .plan import views as plan

urlpatterns = [
    *pool_urls("lead"),
    path("leads/<int:pk>/plan/new/", plan.AddView.as_view(), name="lead-plan-new"),
    path("leads/plan/<int:item>/edit/", plan.ContentView.as_view(), name="lead-plan-edit"),
    path("leads/plan/<int:item>/result/", plan.ResultView.as_view(), name="lead-plan-result"),
    path("leads/plan/<int:item>/delete/", plan.RemoveView.as_view(), name="lead-plan-delete"),
]
