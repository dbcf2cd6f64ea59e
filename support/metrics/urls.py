from django.urls import path

from support.metrics.views import metrics

urlpatterns = [path("metrics", metrics, name="metrics")]
