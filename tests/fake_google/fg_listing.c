#include "fg_query.h"

#include <inttypes.h>
#include <string.h>

#include "base/time.h"

#include "base/banned.h"

/*
 * A listing of more than one page is kept with the events it refers to, and page tokens name it
 * and a place in it. What changes while a client pages is rendered as it is then, and the sync
 * token of the last page dates from before the first page, so such a change comes (again) with
 * the next incremental run.
 */
#define MAX_LISTINGS 500
#define MAX_REFS     1000000 /* in all of them; the newest is kept whatever its size */

struct fg_listing {
	struct fg_listing *next;
	uint64_t id;
	const struct fg_account *account;
	uint64_t hash;
	uint64_t seq; /* of the calendar when the first page was made */
	struct fg_refs refs;
};

static void listing_free(struct fg_listing *l)
{
	fg_refs_release(&l->refs);
	free(l);
}

void fg_listings_drop(struct fg_cal_state *state, const struct fg_account *account)
{
	struct fg_listing **at = &state->listings;

	while (*at) {
		struct fg_listing *l = *at;

		if (account && l->account != account) {
			at = &l->next;
			continue;
		}
		*at = l->next;
		listing_free(l);
	}
}

static void drop_oldest(struct fg_cal_state *state)
{
	struct fg_listing **at = &state->listings;
	size_t refs = 0;

	for (int n = 0; *at; n++) {
		struct fg_listing *l = *at;

		refs += l->refs.count;
		if (!n || (n < MAX_LISTINGS && refs <= MAX_REFS)) {
			at = &l->next;
			continue;
		}
		*at = l->next;
		listing_free(l);
	}
}

/* What a listing has seen of the calendar. */
static uint64_t seq_of(const struct fg_query *q)
{
	return q->late ? q->as_of : q->entry->cal->seq;
}

static struct fg_listing *listing_keep(const struct fg_query *q, struct fg_refs *refs)
{
	struct fg_cal_state *state = q->call->fg->cal;
	struct fg_listing *l = xcalloc(1, sizeof(*l));

	l->id = ++state->listing_id;
	l->account = q->call->account;
	l->hash = q->hash;
	l->seq = seq_of(q);
	l->refs = *refs;
	*refs = (struct fg_refs){0};
	l->next = state->listings;
	state->listings = l;
	drop_oldest(state);
	return l;
}

static struct fg_listing *listing_find(const struct fg_query *q, const char *token,
				       size_t *out_offset, bool *out_empty)
{
	AUTO(free) char *text = fg_token_open(token);
	struct fg_listing *l;
	uint64_t id;
	int empty;

	if (!text || sscanf(text, "p:%" SCNu64 ":%zu:%d", &id, out_offset, &empty) != 3)
		return NULL;
	*out_empty = empty;
	for (l = q->call->fg->cal->listings; l; l = l->next)
		if (l->id == id)
			break;
	if (!l || l->account != q->call->account || l->hash != q->hash ||
	    *out_offset >= l->refs.count)
		return NULL;
	return l;
}

static struct json_object *envelope(const struct fg_query *q)
{
	const struct fg_cal *cal = q->entry->cal;
	struct json_object *root = json_object_new_object();
	struct json_object *reminders = fg_entry_reminders(q->entry);
	const char *description = json_str(cal->props, "description");
	const char *summary = json_str(cal->props, "summary");
	char buf[RFC3339_LEN], etag[48];

	fg_collection_etag(etag, (uint64_t)cal->serial << 40 ^ cal->seq, (uint64_t)cal->etag_us);
	json_set_str(root, "kind", "calendar#events");
	json_set_str(root, "etag", etag);
	json_set_str(root, "summary", summary ? summary : cal->id);
	json_set_str(root, "description", description ? description : "");
	rfc3339_format_ms(cal->stamp_us / 1000, buf);
	json_set_str(root, "updated", buf);
	json_set_str(root, "timeZone", cal->zone);
	json_set_str(root, "accessRole", fg_role_name(q->view.role));
	json_set(root, "defaultReminders",
		 reminders ? json_clone(reminders) : json_object_new_array());
	return root;
}

static void set_page_token(struct json_object *root, const struct fg_listing *l, size_t offset,
			   bool empty)
{
	AUTO(free) char *text = xasprintf("p:%" PRIu64 ":%zu:%d", l->id, offset, empty);
	AUTO(free) char *token = fg_token_seal(text);

	json_set_str(root, "nextPageToken", token);
}

static void set_sync_token(struct json_object *root, const struct fg_query *q, uint64_t seq)
{
	AUTO(free) char *token = fg_query_sync_token(q, seq);

	json_set_str(root, "nextSyncToken", token);
}

/* -- faults that bend a page ---------------------------------------------------------------- */

static void shuffle(struct fg *fg, struct json_object *items)
{
	size_t count = json_object_array_length(items);

	for (size_t i = count; i > 1; i--) {
		size_t k = (size_t)fg_random_below(fg, i);
		struct json_object *a = json_object_get(json_object_array_get_idx(items, i - 1));
		struct json_object *b = json_object_get(json_object_array_get_idx(items, k));

		json_object_array_put_idx(items, i - 1, b);
		json_object_array_put_idx(items, k, a);
	}
}

static void repeat_some(struct fg *fg, struct json_object *items)
{
	size_t count = json_object_array_length(items);

	for (size_t i = 0; i < count; i++)
		if (i == 0 || fg_random_below(fg, 3) == 0)
			json_object_array_add(items,
					      json_object_get(json_object_array_get_idx(items, i)));
}

/* The first one, from a place that the generator picks, which was another before. */
static bool add_older(const struct fg_query *q, const struct fg_refs *refs, size_t offset,
		      struct json_object *items)
{
	size_t start = offset ? (size_t)fg_random_below(q->call->fg, offset) : 0;

	for (size_t i = 0; i < offset; i++) {
		struct json_object *item = fg_match_older(q, &refs->list[(start + i) % offset]);

		if (!item)
			continue;
		json_object_array_add(items, item);
		return true;
	}
	return false;
}

/* The n-th, counted round, of those that have a start. */
static bool damage_one(const struct fg_query *q, struct json_object *items)
{
	size_t count = json_object_array_length(items);

	for (size_t i = 0; i < count; i++) {
		size_t at = ((size_t)q->call->bend_n - 1 + i) % count;
		struct json_object *item = json_object_array_get_idx(items, at);

		if (!json_has(item, "start"))
			continue;
		item = json_clone(item); /* it may be the one that is stored */
		json_set_str(item, "start", "damaged");
		json_object_array_put_idx(items, at, item);
		return true;
	}
	return false;
}

static void bend_items(const struct fg_query *q, const struct fg_refs *refs, size_t offset,
		       struct json_object *items)
{
	struct fg *fg = q->call->fg;
	size_t count = json_object_array_length(items);
	bool bent = false;

	switch (q->call->bend) {
	case FG_BEND_REORDER:
		bent = count > 1;
		shuffle(fg, items);
		break;
	case FG_BEND_REPEAT:
		bent = count > 0;
		repeat_some(fg, items);
		break;
	case FG_BEND_OLDER:
		bent = add_older(q, refs, offset, items);
		break;
	case FG_BEND_DAMAGE:
		bent = damage_one(q, items);
		break;
	default:
		break;
	}
	fg->faults_hit += bent;
}

int fg_listing_reply(const struct fg_query *q, struct fg_refs *refs)
{
	AUTO(json_object_put) struct json_object *root = envelope(q);
	struct json_object *items = json_object_new_array();
	struct fg_listing *l = NULL;
	size_t offset = 0, end;
	bool empty = false;

	if (!refs) {
		l = listing_find(q, fg_param(q->call, "pageToken"), &offset, &empty);
		if (!l) {
			json_object_put(items);
			return fg_fail_param(q->call, "Invalid page token value.", "pageToken");
		}
		refs = &l->refs;
	} else if (fg_not_modified(q->call, json_str(root, "etag"))) {
		json_object_put(items);
		return 0;
	}
	if (q->call->bend == FG_BEND_EMPTY && !empty && offset < refs->count) {
		end = offset;
		q->call->fg->faults_hit++;
	} else {
		end = empty ? offset : offset + q->page;
	}
	if (end > refs->count)
		end = refs->count;
	for (size_t i = offset; i < end; i++) {
		struct json_object *item = fg_match_render(q, &refs->list[i]);

		if (item)
			json_object_array_add(items, item);
	}
	bend_items(q, refs, offset, items);
	if (end < refs->count) {
		if (!l)
			l = listing_keep(q, refs);
		set_page_token(root, l, end, q->call->fg->config.empty_pages && !empty);
	} else if (q->keeps_token) {
		set_sync_token(root, q, l ? l->seq : seq_of(q));
	}
	json_set(root, "items", items);
	return fg_reply_json(q->call, 200, TAKE(root));
}
