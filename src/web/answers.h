/* What the receiver says: the same few answers again and again, made once. */
#ifndef WEB_ANSWERS_H
#define WEB_ANSWERS_H

#include <stdbool.h>

#include "web/mhd.h"

enum answer {
	ANSWER_OK,         /* 200 "ok" */
	ANSWER_NO_CONTENT, /* 204 */
	ANSWER_BAD,        /* 400 */
	ANSWER_NOT_FOUND,  /* 404 */
	ANSWER_POST_ONLY,  /* 405 */
	ANSWER_GET_ONLY,   /* 405 */
	ANSWER_TOO_LARGE,  /* 413 */
	ANSWER_HEADERS,    /* 431 */
	ANSWER_TRY_LATER,  /* 503: Google sends it again */
	ANSWERS,
};

struct answers {
	const struct mhd *mhd;
	struct MHD_Response *kept[ANSWERS][2]; /* [1]: the connection closes behind it */
};

void answers_init(struct answers *a, const struct mhd *mhd);
void answers_release(struct answers *a);
enum MHD_Result answers_send(const struct answers *a, struct MHD_Connection *to, enum answer which,
			     bool close);
/* 200 with this text, copied. */
enum MHD_Result answers_send_text(const struct answers *a, struct MHD_Connection *to,
				  const char *text, size_t len, bool close);

#endif
