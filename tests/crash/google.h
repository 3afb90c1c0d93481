/*
 * Google in this process: what a person does there, and what a test wants to know. The calsync
 * under test reaches the same state over HTTP (world.h). A fork of the process is a copy of Google.
 */
#ifndef CRASH_GOOGLE_H
#define CRASH_GOOGLE_H

#include "../fake_google/fg.h"
#include "base/json.h"

#define CRASH_CLIENT_ID     "calsync-sandbox.apps.googleusercontent.com"
#define CRASH_CLIENT_SECRET "sandbox-secret"

struct google {
	struct fg *fg;
	struct json_object *bearers; /* account -> access token that does not expire */
};

void google_init(struct google *g, const char *base_url);
void google_release(struct google *g);

/* The control interface, below /sandbox/. out NULL: the answer is not wanted. */
int google_control(struct google *g, const char *method, const char *path, const char *body,
		   struct json_object **out, struct err *err);
/* As this account, below /calendar/v3/. Anything but 2xx is an error. */
int google_call_as(struct google *g, const char *account, const char *method, const char *path,
		   const char *body, struct json_object **out, struct err *err);
/* What a consent of this account gives to our client. Caller's. */
char *google_refresh_token(struct google *g, const char *account, struct err *err);
/* GET state. Caller's. */
struct json_object *google_state(struct google *g);
/* The id of the first event with this title that is not deleted, or NULL. Caller's. */
char *google_id_of(struct google *g, const char *title);

#endif
