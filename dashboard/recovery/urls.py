"""Dead letters: the list, one, and the jobs over them."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from dashboard.recovery import views

app_name = "recovery"

urlpatterns: list[URLPattern | URLResolver] = [
    path("dead-letters/", views.dead_letters_page, name="dead-letters"),
    path("dead-letters/<int:letter_id>/", views.dead_letter_page, name="dead-letter"),
    path("dead-letters/groups/<str:fingerprint>/", views.failure_page, name="failure"),
    path(
        "dead-letters/groups/<str:fingerprint>/describe/",
        views.describe_failure,
        name="failure-describe",
    ),
    path("dead-letters/groups/<str:fingerprint>/fixed/", views.fix_failure, name="failure-fixed"),
    path("dead-letters/groups/<str:fingerprint>/mute/", views.mute_failure, name="failure-mute"),
    path("dead-letters/groups/<str:fingerprint>/merge/", views.merge_failure, name="failure-merge"),
    path("dead-letters/groups/<str:fingerprint>/split/", views.split_failure, name="failure-split"),
    path(
        "dead-letters/groups/<str:fingerprint>/divide/",
        views.divide_failure,
        name="failure-divide",
    ),
    path("dead-letters/groups/<str:fingerprint>/join/", views.join_failure, name="failure-join"),
    path("dead-letters/<int:letter_id>/edit/", views.edit_page, name="edit"),
    path("dead-letters/<int:letter_id>/edit/check/", views.check_edit, name="edit-check"),
    path("dead-letters/export/", views.export_letters, name="export"),
    path("dead-letters/import/", views.import_page, name="import"),
    path("dead-letters/rules/", views.rules_page, name="rules"),
    path("dead-letters/rules/add/", views.add, name="rule-add"),
    path("dead-letters/rules/<int:rule_id>/mode/", views.turn, name="rule-mode"),
    path("dead-letters/rules/<int:rule_id>/remove/", views.remove, name="rule-remove"),
    path("dead-letters/patch/", views.patch_page, name="patch"),
    path("dead-letters/redirect/", views.redirect_page, name="redirect"),
    path("dead-letters/retries/", views.retries_page, name="retries"),
    path("dead-letters/retries/now/", views.retry_now, name="retry-now"),
    path("dead-letters/redrive/", views.redrive_page, name="redrive"),
    path("dead-letters/discard/", views.discard_page, name="discard"),
    path("dead-letters/archive/", views.archive_page, name="archive"),
    path("dead-letters/restore/", views.restore_page, name="restore"),
    path("dead-letters/jobs/", views.jobs_page, name="jobs"),
    path("dead-letters/jobs/<int:job_id>/", views.job_page, name="job"),
    path("dead-letters/jobs/<int:job_id>/report.csv", views.report, name="job-report"),
    path("dead-letters/jobs/<int:job_id>/approve/", views.approve, name="job-approve"),
    path("dead-letters/jobs/<int:job_id>/pause/", views.pause, name="job-pause"),
    path("dead-letters/jobs/<int:job_id>/resume/", views.resume, name="job-resume"),
    path("dead-letters/jobs/<int:job_id>/cancel/", views.cancel, name="job-cancel"),
]
