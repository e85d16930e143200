from customers.pools.urls import pool_urls

urlpatterns = [
    *pool_urls("lead"),
]
