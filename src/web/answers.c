#include "web/answers.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

static const struct {
	unsigned status;
	const char *body;
	const char *allow; /* NULL = no such header */
} table[ANSWERS] = {
	[ANSWER_OK] = {200, "ok\n", NULL},
	[ANSWER_NO_CONTENT] = {204, "", NULL},
	[ANSWER_BAD] = {400, "bad request\n", NULL},
	[ANSWER_NOT_FOUND] = {404, "not found\n", NULL},
	[ANSWER_POST_ONLY] = {405, "method not allowed\n", "POST"},
	[ANSWER_GET_ONLY] = {405, "method not allowed\n", "GET, HEAD"},
	[ANSWER_TOO_LARGE] = {413, "too large\n", NULL},
	[ANSWER_HEADERS] = {431, "headers too large\n", NULL},
	[ANSWER_TRY_LATER] = {503, "try again later\n", NULL},
};

static void add_header(const struct mhd *mhd, struct MHD_Response *r, const char *name,
		       const char *value)
{
	if (mhd->add_response_header(r, name, value) != MHD_YES)
		abort(); /* out of memory */
}

static struct MHD_Response *make(const struct mhd *mhd, const char *body, size_t len, bool copy,
				 bool close)
{
	struct MHD_Response *r = mhd->create_response_from_buffer(
		len, (void *)body, copy ? MHD_RESPMEM_MUST_COPY : MHD_RESPMEM_PERSISTENT);

	if (!r)
		abort(); /* out of memory */
	if (len) {
		add_header(mhd, r, "Content-Type", "text/plain; charset=utf-8");
		add_header(mhd, r, "Cache-Control", "no-store");
	}
	if (close)
		add_header(mhd, r, "Connection", "close");
	return r;
}

void answers_init(struct answers *a, const struct mhd *mhd)
{
	a->mhd = mhd;
	for (int i = 0; i < ANSWERS; i++) {
		for (int close = 0; close < 2; close++) {
			a->kept[i][close] =
				make(mhd, table[i].body, strlen(table[i].body), false, close);
			if (table[i].allow)
				add_header(mhd, a->kept[i][close], "Allow", table[i].allow);
		}
	}
}

void answers_release(struct answers *a)
{
	for (int i = 0; a->mhd && i < ANSWERS; i++) {
		a->mhd->destroy_response(a->kept[i][0]);
		a->mhd->destroy_response(a->kept[i][1]);
	}
	a->mhd = NULL;
}

enum MHD_Result answers_send(const struct answers *a, struct MHD_Connection *to, enum answer which,
			     bool close)
{
	return a->mhd->queue_response(to, table[which].status, a->kept[which][close]);
}

enum MHD_Result answers_send_text(const struct answers *a, struct MHD_Connection *to,
				  const char *text, size_t len, bool close)
{
	struct MHD_Response *r = make(a->mhd, text, len, true, close);
	enum MHD_Result result = a->mhd->queue_response(to, 200, r);

	a->mhd->destroy_response(r);
	return result;
}
