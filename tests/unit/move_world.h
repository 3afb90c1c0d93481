/* A world with several calendars, between which events move. After sync_world.h. */
#ifndef TESTS_UNIT_MOVE_WORLD_H
#define TESTS_UNIT_MOVE_WORLD_H

#define HOME  "user1@example.com"
#define WORK  "work@group.calendar.google.com"
#define THIRD "third@group.calendar.google.com"

static inline int move_to(struct world *w, int64_t row, int64_t calendar_id)
{
	struct local_options o = {0};
	AUTO(event_release) struct event out = {0};

	w->clock.now_ms += 1000;
	return local_move(w->store, &w->clock.clock, row, calendar_id, &o, &out, &err);
}

/* Act at Google on any calendar. */
static inline struct json_object *on_google(struct world *w, const char *method,
					    const char *calendar_id, const char *path,
					    const char *body)
{
	AUTO(json_object_put)
	struct json_object *t = ask(w, "POST", "/sandbox/token", "{}", NULL, NULL);
	AUTO(free)
	char *url = xasprintf("/calendar/v3/calendars/%s/events%s", calendar_id, path);

	return ask(w, method, url, body, json_str(t, "access_token"), NULL);
}

/* Somebody moves it at Google, out of the primary calendar. */
static inline void google_move(struct world *w, const char *id, const char *calendar_id)
{
	AUTO(free) char *path = xasprintf("/%s/move?destination=%s", id, calendar_id);

	json_object_put(on_google(w, "POST", HOME, path, NULL));
}

/* Live events of a calendar at Google, as id -> resource. */
static inline struct json_object *events_of(struct world *w, const char *calendar_id)
{
	AUTO(json_object_put)
	struct json_object *page = on_google(w, "GET", calendar_id, "?maxResults=2500", NULL);

	return live_ones(json_get(page, "items"));
}

/* Each calendar has the same events here and there; nothing waits; count of all events. */
static inline void assert_same(struct world *w, size_t count)
{
	AUTO(calendar_list_release) struct calendar_list list = {0};
	AUTO(outbox_list_release) struct outbox_list waiting = {0};
	size_t sum = 0;

	OK(store_outbox_list(w->store, 0, 0, -1, 0, &waiting, &err));
	if (waiting.count)
		fail_msg("%s waits: %s", waiting.items[0].event_id, waiting.items[0].last_error);
	OK(store_calendar_list(w->store, w->account.id, &list, &err));
	for (size_t i = 0; i < list.count; i++) {
		AUTO(json_object_put) struct json_object *remote = NULL;
		AUTO(event_list_release) struct event_list local = {0};
		struct event_query q = EVENT_QUERY_INIT;

		q.calendar_id = list.items[i].id;
		remote = events_of(w, list.items[i].google_id);
		OK(store_event_list(w->store, &q, &local, &err));
		assert_int_equal(local.count, json_object_object_length(remote));
		sum += local.count;
		for (size_t k = 0; k < local.count; k++) {
			struct event *e = &local.items[k];

			if (!event_equal(e->resource, json_get(remote, e->id)))
				fail_msg("%s differs: %s", e->id, json_text(e->resource));
			assert_int_equal(e->sync_status, SYNC_SYNCED);
			assert_true(e->at_google);
		}
	}
	assert_int_equal(sum, count);
}

static inline int64_t calendar_of(struct world *w, int64_t row)
{
	AUTO(event_release) struct event e = {0};

	OK(store_event_get_row(w->store, row, &e, &err));
	return e.calendar_id;
}

/* The next sync asks once a calendar and writes nothing. */
static inline void assert_at_rest(struct world *w)
{
	sync_ok(w);
	forget_log(w);
	sync_ok(w);
	assert_int_equal(requests(w, "POST", "/events") + requests(w, "PATCH", "/events") +
				 requests(w, "PUT", "/events") + requests(w, "DELETE", "/events"),
			 0);
	assert_int_equal(w->last.requests, 1 + (int64_t)w->last.calendar_count);
}

static inline void assert_in_work(struct world *w, const char *id, const char *field,
				  const char *want)
{
	AUTO(json_object_put) struct json_object *there = events_of(w, WORK);

	assert_true(json_has(there, id));
	assert_string_equal(json_str(json_get(there, id), field), want);
}

#endif
