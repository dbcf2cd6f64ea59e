"""The names of the API's operations. Clients are generated from them, so they are short and never change."""

from __future__ import annotations

PREFIX = "/api/v1/"
VERBS = {"GET": "get", "POST": "create", "PATCH": "update", "DELETE": "delete"}
NAMES = {  # where the rule below finds no good name
    ("POST", "albums/{}/items"): "change_album_items",
    ("POST", "billing/checkout"): "start_checkout",
    ("POST", "billing/portal"): "open_portal",
    ("POST", "consents"): "give_consent",
    ("DELETE", "consents/{}"): "withdraw_consent",
    ("POST", "items/bulk"): "edit_items",
    ("GET", "items/duplicates"): "list_duplicates",
    ("POST", "items/duplicates/merge"): "merge_duplicates",
    ("POST", "items/lock"): "lock_items",
    ("GET", "locked"): "list_locked_items",
    ("POST", "locked/open"): "open_locked",
    ("DELETE", "locked/open"): "close_locked",
    ("POST", "locked/release"): "release_items",
    ("POST", "locked/delete"): "delete_locked_items",
    ("POST", "items/stacks"): "stack_items",
    ("GET", "items/{}/stack"): "get_stack",
    ("POST", "items/{}/stack"): "choose_keeper",
    ("DELETE", "items/{}/stack"): "delete_stack",
    ("POST", "items/{}/unstack"): "unstack_item",
    ("POST", "items/bulk/{}/undo"): "undo_item_edit",
    ("POST", "feedback"): "send_product_feedback",
    ("GET", "help"): "list_help_articles",
    ("POST", "items/{}/feedback"): "send_feedback",
    ("GET", "items/{}/feedback"): "get_feedback",
    ("POST", "generations/{}/keep"): "keep_best",
    ("GET", "generations/{}/sheet"): "get_contact_sheet",
    ("GET", "packs/{}/pictures/{}"): "get_pack_picture",
    ("POST", "items/delete"): "delete_items",
    ("POST", "faces/search"): "search_faces",
    ("GET", "items/{}/faces"): "list_item_faces",
    ("GET", "people"): "list_people",
    ("POST", "people"): "name_person",
    ("GET", "people/{}"): "get_person",
    ("PATCH", "people/{}"): "rename_person",
    ("DELETE", "people/{}"): "delete_person",
    ("GET", "people/{}/faces"): "list_person_faces",
    ("POST", "people/{}/faces"): "change_person_faces",
    ("POST", "people/{}/merge"): "merge_person",
    ("GET", "people/changes"): "list_namings",
    ("POST", "people/changes/{}/undo"): "undo_naming",
    ("POST", "items/{}/edits"): "edit_item",
    ("POST", "items/{}/repairs"): "repair_item",
    ("POST", "items/{}/enlargements"): "enlarge_item",
    ("POST", "items/{}/similar"): "create_similar",
    ("POST", "notifications/read"): "read_notifications",
    ("POST", "items/{}/share"): "share_item",
    ("POST", "items/{}/like"): "like_item",
    ("DELETE", "items/{}/like"): "unlike_item",
    ("GET", "items/{}/comments"): "list_comments",
    ("POST", "items/{}/comments"): "create_comment",
    ("GET", "public/items"): "list_public_items",
    ("DELETE", "me"): "erase_me",
    ("POST", "me/export"): "export_me",
    ("GET", "me/limits"): "list_limits",
    ("GET", "twins/demonstration"): "get_demonstration",
    ("POST", "twins/{}/framing"): "check_framing",
    ("GET", "me/phone"): "get_phone",
    ("POST", "me/phone"): "change_phone",
    ("DELETE", "me/phone"): "delete_phone",
    ("POST", "me/phone/{}"): "confirm_phone",
    ("POST", "me/codes"): "send_proof_code",
    ("POST", "me/passkey"): "ask_passkey",
    ("POST", "auth/phone"): "send_login_code",
    ("GET", "auth/phone/{}"): "get_login_code",
    ("POST", "auth/phone/{}"): "log_in_by_phone",
    ("GET", "prompts/suggest"): "suggest_prompts",
    ("POST", "quote"): "get_quote",
    ("GET", "trainings/{}/weights"): "get_training_weights",
    ("GET", "trainings/{}/avatar"): "get_training_avatar",
    ("GET", "twins/{}/avatar"): "get_twin_avatar",
    ("GET", "twins/{}/avatar/picture"): "get_twin_avatar_picture",
    ("PATCH", "twins/{}/avatar"): "correct_twin_avatar",
    ("POST", "twins/{}/avatar"): "draw_twin_avatar",
    ("POST", "twins/{}/redo"): "start_redo",
    ("POST", "twins/{}/photos"): "upload_twin_photo",
    ("POST", "twins/{}/trainings"): "start_training",
    ("PATCH", "uploads/{}"): "send_piece",
    ("POST", "twins/{}/verification"): "send_selfie",
    ("GET", "tickets/{}/messages"): "list_ticket_messages",
    ("POST", "tickets/{}/messages"): "write_ticket_message",
    ("GET", "tickets/{}/attachments/{}"): "get_ticket_attachment",
    ("GET", "tickets/{}/attachments/{}/thumbnail"): "get_ticket_attachment_thumbnail",
    ("POST", "verify"): "verify_file",
}


def operation_name(method: str, path: str) -> str:
    """`list_twins`, `get_twin`, `cancel_training`: a verb, then the words of the address."""
    parts = ["{}" if part.startswith("{") else part for part in path.removeprefix(PREFIX).split("/")]
    if name := NAMES.get((method, "/".join(parts))):
        return name
    *before, last = (_singular(part, parts[i + 1 : i + 2] == ["{}"]) for i, part in enumerate(parts))
    words = [word.replace("-", "_") for word in (*before, last) if word != "{}"]
    if parts[-2:-1] == ["{}"] and method == "POST" and not last.endswith("s"):
        return "_".join([words[-1], *words[:-1]])  # an action: cancel_training
    if last.endswith("s"):
        return "_".join(["list" if method == "GET" else VERBS[method], *words[:-1], _of(method, last)])
    return "_".join([VERBS[method], *words])


def _of(method: str, plural: str) -> str:
    words = plural.replace("-", "_")
    return words if method == "GET" else words.removesuffix("s")


def _singular(part: str, one: bool) -> str:
    return part.removesuffix("s") if one else part
