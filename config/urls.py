"""All URLs."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.urls import include, path, re_path
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularSwaggerSplitView

from accounts import api as accounts
from accounts.developers import api as developers
from accounts.developers import webhook_api as webhooks
from accounts.limits import api as limits
from accounts.notices import api as notices
from accounts.phones import api as phones
from accounts.phones.callbacks import twilio_hook
from accounts.phones.urls import entrance
from accounts.social.views import set_password
from accounts.views import logout, switch_language, terms
from billing import api as billing
from billing.engines.views import fal_hook
from billing.views import movements, pricing, stripe_hook
from config.web import event_stream, health, installed, problems, views
from gallery import api as gallery
from gallery.faces import api as faces
from gallery.sharing import api as sharing
from gallery.sharing import public_api as public
from gallery.shelf import api as shelf
from gallery.shelf import area_api as area
from generation import api as generation
from generation import item_api as from_items
from generation.feedback import api as feedback
from generation.packs import api as packs
from generation.presets import api as presets
from generation.restorations import api as restorations
from generation.sessions import api as sessions
from generation.there import lora_there
from moderation import api as moderation
from moderation.adult import api as adult
from moderation.cases import api as cases
from moderation.cases import queue
from moderation.standing import api as standing
from moderation.views import verify
from support.feedback import api as product
from support.feedback.views import feedback as feedback_page
from support.help import api as centre
from support.insights import views as insights
from support.tickets import api as tickets
from support.tickets.mail.inbound import inbound
from twins import api as twins
from twins.avatars import api as avatars
from twins.framing import api as framing
from twins.proof import api as verification
from twins.redo import api as redo
from twins.uploads import api as uploads

api = [
    path("me", accounts.MeView.as_view()),
    path("me/export", accounts.ArchiveView.as_view()),
    path("me/passkey", accounts.PasskeyView.as_view()),
    path("me/limits", limits.LimitsView.as_view()),
    path("me/phone", phones.PhoneView.as_view()),
    path("me/phone/<uuid:ident>", phones.PhoneCodeView.as_view()),
    path("me/codes", phones.CodesView.as_view()),
    path("auth/phone", phones.EntriesView.as_view()),
    path("auth/phone/<uuid:ident>", phones.EntryView.as_view()),
    path("consents", accounts.ConsentsView.as_view()),
    path("consents/history", accounts.ConsentHistoryView.as_view()),
    path("consents/<slug:kind>", accounts.ConsentView.as_view()),
    path("notifications", notices.NotificationsView.as_view()),
    path("notifications/read", notices.ReadView.as_view()),
    path("push-subscriptions", notices.PushSubscriptionsView.as_view()),
    path("api-keys", developers.ApiKeysView.as_view()),
    path("api-keys/<uuid:ident>", developers.ApiKeyView.as_view()),
    path("api-keys/<uuid:ident>/rotate", developers.RotateView.as_view()),
    path("webhooks", webhooks.WebhooksView.as_view()),
    path("webhooks/<uuid:ident>", webhooks.WebhookView.as_view()),
    path("webhooks/<uuid:ident>/deliveries", webhooks.DeliveriesView.as_view()),
    path("webhooks/<uuid:ident>/replay", webhooks.ReplayView.as_view()),
    path("webhooks/<uuid:ident>/test", webhooks.TestView.as_view()),
    path("webhooks/<uuid:ident>/rotate", webhooks.RotateSecretView.as_view()),
    path("exports", gallery.ExportsView.as_view()),
    path("exports/<uuid:ident>", accounts.ExportView.as_view()),
    path("exports/<uuid:ident>/content", accounts.ExportContentView.as_view()),
    path("plans", billing.PlansView.as_view()),
    path("billing", billing.BillingView.as_view()),
    path("billing/entries", billing.EntriesView.as_view()),
    path("billing/packs", billing.PacksView.as_view()),
    path("billing/invoices", billing.InvoicesView.as_view()),
    path("billing/checkout", billing.CheckoutView.as_view()),
    path("billing/portal", billing.PortalView.as_view()),
    path("quote", billing.QuoteView.as_view()),
    path("engines", billing.EnginesView.as_view()),
    path("twins", twins.TwinsView.as_view()),
    path("twins/demonstration", generation.DemonstrationView.as_view()),
    path("twins/<uuid:ident>", twins.TwinView.as_view()),
    path("twins/<uuid:ident>/photos", twins.PhotosView.as_view()),
    path("twins/<uuid:ident>/photos/<uuid:photo>", twins.PhotoView.as_view()),
    path(
        "twins/<uuid:ident>/photos/<uuid:photo>/content",
        twins.PhotoFileView.as_view(),
        {"rendition": "content"},
    ),
    path(
        "twins/<uuid:ident>/photos/<uuid:photo>/thumbnail",
        twins.PhotoFileView.as_view(),
        {"rendition": "thumbnail"},
    ),
    path("twins/<uuid:ident>/verification", verification.VerificationView.as_view()),
    path("twins/<uuid:ident>/framing", framing.FramingView.as_view()),
    path("twins/<uuid:ident>/avatar", avatars.AvatarView.as_view()),
    path("twins/<uuid:ident>/avatar/picture", avatars.AvatarPictureView.as_view()),
    path("twins/<uuid:ident>/trainings", twins.TrainingsView.as_view()),
    path("twins/<uuid:ident>/redo", redo.RedoView.as_view()),
    path("twins/<uuid:ident>/uploads", uploads.UploadsView.as_view()),
    path("uploads/<uuid:ident>", uploads.UploadView.as_view()),
    path("photos", twins.LibraryView.as_view()),
    path("trainings/<uuid:ident>", twins.TrainingView.as_view()),
    path("trainings/<uuid:ident>/cancel", twins.CancelView.as_view()),
    path("trainings/<uuid:ident>/activate", twins.ActivateView.as_view()),
    path("trainings/<uuid:ident>/samples/<int:number>", twins.SampleView.as_view()),
    path("trainings/<uuid:ident>/weights", twins.WeightsView.as_view()),
    path("trainings/<uuid:ident>/avatar", avatars.TrainingAvatarView.as_view()),
    path("generations", generation.JobsView.as_view()),
    path("generations/<uuid:ident>", generation.JobView.as_view()),
    path("generations/<uuid:ident>/cancel", generation.CancelView.as_view()),
    path("generations/<uuid:ident>/repeat", generation.RepeatView.as_view()),
    path("restorations", restorations.RestorationsView.as_view()),
    path("restorations/delete", restorations.DeleteView.as_view()),
    path("restorations/<uuid:ident>", restorations.RestorationView.as_view()),
    path("restorations/<uuid:ident>/milder", restorations.MilderView.as_view()),
    path(
        "restorations/<uuid:ident>/original",
        restorations.RestorationFileView.as_view(),
        {"rendition": "original"},
    ),
    path(
        "restorations/<uuid:ident>/thumbnail",
        restorations.RestorationFileView.as_view(),
        {"rendition": "thumbnail"},
    ),
    path("generations/<uuid:ident>/sheet", packs.SheetView.as_view()),
    path("generations/<uuid:ident>/keep", packs.KeepView.as_view()),
    path("packs", packs.PacksView.as_view()),
    path("packs/<slug:code>/pictures/<int:number>", packs.PackPictureView.as_view()),
    path("sessions", sessions.SessionsView.as_view()),
    path("sessions/<uuid:ident>", sessions.SessionView.as_view()),
    path("sessions/<uuid:ident>/repeat", sessions.SessionRepeatView.as_view()),
    path("presets", presets.PresetsView.as_view()),
    path("presets/<uuid:ident>", presets.PresetView.as_view()),
    path("styles", generation.StylesView.as_view()),
    path("prompts/suggest", generation.SuggestView.as_view()),
    path("items", gallery.ItemsView.as_view()),
    path("items/delete", gallery.DeleteView.as_view()),
    path("items/bulk", shelf.BulkView.as_view()),
    path("items/stacks", shelf.StacksView.as_view()),
    path("items/duplicates", shelf.DuplicatesView.as_view()),
    path("items/duplicates/merge", shelf.MergeView.as_view()),
    path("items/duplicates/apart", shelf.ApartView.as_view()),
    path("items/lock", area.LockView.as_view()),
    path("locked", area.LockedView.as_view()),
    path("locked/open", area.OpenView.as_view()),
    path("locked/release", area.ReleaseView.as_view()),
    path("locked/delete", area.DeleteLockedView.as_view()),
    path("locked/<uuid:ident>/content", area.LockedFileView.as_view(), {"rendition": "content"}),
    path("locked/<uuid:ident>/thumbnail", area.LockedFileView.as_view(), {"rendition": "thumbnail"}),
    path("items/<uuid:ident>/stack", shelf.StackView.as_view()),
    path("items/<uuid:ident>/unstack", shelf.UnstackView.as_view()),
    path("items/bulk/<uuid:ident>/undo", shelf.BulkUndoView.as_view()),
    path("items/<uuid:ident>", gallery.ItemView.as_view()),
    path("items/<uuid:ident>/edits", gallery.EditsView.as_view()),
    path("items/<uuid:ident>/repairs", from_items.RepairsView.as_view()),
    path("items/<uuid:ident>/enlargements", from_items.EnlargementsView.as_view()),
    path("items/<uuid:ident>/similar", from_items.SimilarView.as_view()),
    path("items/<uuid:ident>/content", gallery.ItemFileView.as_view(), {"rendition": "content"}),
    path("items/<uuid:ident>/thumbnail", gallery.ItemFileView.as_view(), {"rendition": "thumbnail"}),
    path("items/<uuid:ident>/faces", faces.ItemFacesView.as_view()),
    path("faces/search", faces.SearchView.as_view()),
    path("people", faces.PeopleView.as_view()),
    path("people/changes", faces.NamingsView.as_view()),
    path("people/changes/<uuid:ident>/undo", faces.UndoView.as_view()),
    path("people/<uuid:ident>", faces.PersonView.as_view()),
    path("people/<uuid:ident>/faces", faces.PersonFacesView.as_view()),
    path("people/<uuid:ident>/merge", faces.MergeView.as_view()),
    path("items/<uuid:ident>/feedback", feedback.FeedbackView.as_view()),
    path("items/<uuid:ident>/share", sharing.ItemShareView.as_view()),
    path("shares", sharing.SharesView.as_view()),
    path("shares/<uuid:ident>", sharing.ShareView.as_view()),
    path("items/<uuid:ident>/publish", public.PublishView.as_view()),
    path("items/<uuid:ident>/withdraw", public.WithdrawView.as_view()),
    path("items/<uuid:ident>/like", public.LikeView.as_view()),
    path("items/<uuid:ident>/comments", public.CommentsView.as_view()),
    path("comments/<uuid:ident>", public.CommentView.as_view()),
    path("public/items", public.PublicItemsView.as_view()),
    path("albums", gallery.AlbumsView.as_view()),
    path("albums/<uuid:ident>", gallery.AlbumView.as_view()),
    path("albums/<uuid:ident>/items", gallery.AlbumItemsView.as_view()),
    path("feedback", product.FeedbackView.as_view()),
    path("tickets", tickets.TicketsView.as_view()),
    path("tickets/<uuid:ident>", tickets.TicketView.as_view()),
    path("tickets/<uuid:ident>/messages", tickets.TicketMessagesView.as_view()),
    path(
        "tickets/<uuid:ident>/attachments/<int:number>",
        tickets.AttachmentView.as_view(),
        {"rendition": "content"},
    ),
    path(
        "tickets/<uuid:ident>/attachments/<int:number>/thumbnail",
        tickets.AttachmentView.as_view(),
        {"rendition": "thumbnail"},
    ),
    path("help", centre.HelpView.as_view()),
    path("me/age", adult.AgeView.as_view()),
    path("me/standing", standing.StandingView.as_view()),
    path("me/standing/appeal", standing.StandingAppealView.as_view()),
    path("verify", moderation.VerifyView.as_view()),
    path("reports", cases.ReportsView.as_view()),
    path("takedowns", cases.TakedownsView.as_view()),
    path("takedowns/<slug:number>", cases.TakedownView.as_view()),
    path("decisions/<uuid:ident>/appeal", cases.AppealView.as_view()),
]

urlpatterns = [
    path("api/v1/events", csrf_exempt(event_stream.events)),
    path("api/v1/openapi.json", views.openapi, name="openapi"),
    path(
        "api/docs",
        SpectacularSwaggerSplitView.as_view(
            url_name="openapi", permission_classes=[], authentication_classes=[]
        ),
        name="api_docs",
    ),
    path("api/v1/", include(api)),
    # allauth's addresses of phone numbers: ours are auth/phone and me/phone (accounts/phones).
    re_path("^_allauth/app/v1/(account/phone|auth/phone/.*)$", problems.not_found),
    # Log-in with an account elsewhere leads through pages: a token that an app sends has no nonce of ours.
    re_path("^_allauth/app/v1/(auth/provider/.*|account/providers)$", problems.not_found),
    path("_allauth/", include("allauth.headless.urls")),
    path("accounts/logout/", logout, name="account_logout"),
    path("accounts/password/set/", set_password, name="account_set_password"),
    path("accounts/phone/", include(entrance)),
    path("accounts/", include("allauth.urls")),
    # Before the admin's own URLs, which would take "figures" for an invoice's id.
    path("admin/billing/invoice/figures/", admin.site.admin_view(insights.figures_page), name="figures"),
    path("admin/moderation/queue/", admin.site.admin_view(queue.page), name="moderation_queue"),
    path("admin/", admin.site.urls),
    path("", views.landing, name="landing"),
    path("studio/", include("generation.urls")),
    path("restore/", include("generation.restorations.urls")),
    path("headshots/", include("generation.packs.urls")),
    path("sessions/", include("generation.sessions.urls")),
    path("twins/", include("twins.urls")),
    path("", include("twins.proof.urls")),
    path("", include("moderation.cases.urls")),
    path("", include("moderation.standing.urls")),
    path("", include("moderation.adult.urls")),
    path("gallery/", include("gallery.urls")),
    path("", include("gallery.sharing.urls")),
    path("account/", include("accounts.urls")),
    path("account/developers/", include("accounts.developers.urls")),
    path("account/credits/", movements, name="movements"),
    path("account/billing/", include("billing.urls")),
    path("feedback/", feedback_page, name="feedback"),
    path("help/", include("support.help.urls")),
    path("support/", include("support.tickets.urls")),
    path("mail/inbound", inbound, name="inbound_mail"),
    path("pricing/", pricing, name="pricing"),
    path("", include("accounts.privacy.urls")),
    path("terms/", terms, name="terms"),
    path("terms/<slug:version>/", terms, name="terms"),
    path("verify/", verify, name="verify"),
    path("hooks/stripe", stripe_hook, name="stripe_hook"),
    path("hooks/twilio/<uuid:reference>", twilio_hook, name="twilio_hook"),
    path("hooks/fal/<uuid:reference>", fal_hook, name="fal_hook"),
    path("hooks/lora/<str:token>", lora_there, name="lora_there"),
    path("sw.js", installed.service_worker, name="service_worker"),
    path("offline/", installed.offline, name="offline"),
    path("manifest.<slug:language>.webmanifest", installed.manifest, name="manifest"),
    # Browsers ask for it where a page names no icon: beside files, and in the admin.
    path("favicon.ico", RedirectView.as_view(url=f"{settings.STATIC_URL}icon.svg")),
    path("theme", views.theme, name="theme"),
    path("language", switch_language, name="set_language"),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
]
handler400 = "config.web.problems.malformed"
handler403 = "config.web.problems.forbidden"
handler404 = "config.web.problems.not_found"
handler500 = "config.web.problems.broken"
