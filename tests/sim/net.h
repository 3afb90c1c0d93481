/*
 * A store's way to Google: its requests are numbered; with each of them something may go wrong,
 * somebody may do something meanwhile, or the process may die.
 */
#ifndef SIM_NET_H
#define SIM_NET_H

#include "google/transport.h"

struct side;

/* id, words, which requests it fits, and the fault as the fake Google takes it. */
#define SIM_FAULT_KINDS(X)                                                                      \
	X(FAULT_DROP_BEFORE, "lost before it had an effect", ANY, "\"action\":\"drop_before\"") \
	X(FAULT_DROP_AFTER, "lost after it had its effect", ANY, "\"action\":\"drop_after\"")   \
	X(FAULT_TRUNCATE, "answer cut short", ANY, "\"action\":\"truncate\"")                   \
	X(FAULT_GARBAGE, "answered by somebody else", ANY, "\"action\":\"garbage\"")            \
	X(FAULT_500, "500", ANY, "\"action\":\"status\",\"status\":500")                        \
	X(FAULT_503, "503", ANY, "\"action\":\"status\",\"status\":503,\"retry_after\":2")      \
	X(FAULT_500_AFTER, "500 after the effect", ANY,                                         \
	  "\"action\":\"status_after\",\"status\":500")                                         \
	X(FAULT_401, "401 in mid-run", API, "\"action\":\"status\",\"status\":401")             \
	X(FAULT_403_RATE, "403 rateLimitExceeded", API, "\"action\":\"status\",\"status\":403") \
	X(FAULT_403_QUOTA, "403 quotaExceeded", API,                                            \
	  "\"action\":\"status\",\"status\":403,\"reason\":\"quotaExceeded\"")                  \
	X(FAULT_429, "429 with Retry-After", ANY,                                               \
	  "\"action\":\"status\",\"status\":429,\"retry_after\":7")                             \
	X(FAULT_429_LONG, "429 with a long Retry-After", API,                                   \
	  "\"action\":\"status\",\"status\":429,\"retry_after\":300")                           \
	X(FAULT_404, "404 that passes", API, "\"action\":\"status\",\"status\":404")            \
	X(FAULT_409, "409 conflict", WRITE, "\"action\":\"status\",\"status\":409")             \
	X(FAULT_412, "412 that is wrong", GUARDED, "\"action\":\"status\",\"status\":412")      \
	X(FAULT_410_FIRST, "410 fullSyncRequired", SINCE,                                       \
	  "\"action\":\"status\",\"status\":410,\"reason\":\"fullSyncRequired\","               \
	  "\"domain\":\"calendar\"")                                                            \
	X(FAULT_410_LATER, "410 fullSyncRequired on a later page", SINCE_LATER,                 \
	  "\"action\":\"status\",\"status\":410,\"reason\":\"fullSyncRequired\","               \
	  "\"domain\":\"calendar\"")                                                            \
	X(FAULT_400_PAGE, "400 for a page token", LATER,                                        \
	  "\"action\":\"status\",\"status\":400,\"reason\":\"invalid\","                        \
	  "\"message\":\"Invalid page token value.\"")                                          \
	X(FAULT_REORDER, "items in another order", LIST, "\"action\":\"reorder\"")              \
	X(FAULT_REPEAT, "items twice", LIST, "\"action\":\"repeat\"")                           \
	X(FAULT_OLDER, "an older version on a later page", LATER, "\"action\":\"older\"")       \
	X(FAULT_EMPTY, "an empty page", LIST, "\"action\":\"empty_page\"")                      \
	X(FAULT_LATE, "a listing without the last changes", FIRST, "\"action\":\"late\"")       \
	X(FAULT_STALE, "an event as it was", GET, "\"action\":\"stale\"")                       \
	X(FAULT_PART_LOST, "a batch answer without a part", BATCH, "\"action\":\"part_lost\"")  \
	X(FAULT_PART_SKIPPED, "a batch without a part", BATCH, "\"action\":\"part_skipped\"")   \
	X(FAULT_PART_500, "500 for a part after its effect", BATCH,                             \
	  "\"match\":\"/events\",\"action\":\"status_after\",\"status\":500")                   \
	X(FAULT_PART_403, "403 rateLimitExceeded for a part", BATCH,                            \
	  "\"match\":\"/events\",\"action\":\"status\",\"status\":403")                         \
	X(FAULT_PART_404, "404 that passes for a part", BATCH,                                  \
	  "\"match\":\"/events\",\"action\":\"status\",\"status\":404")                         \
	X(FAULT_PART_409, "409 conflict for a part", BATCH,                                     \
	  "\"match\":\"/events\",\"action\":\"status\",\"status\":409")

enum fault_kind {
#define X(id, words, fits, spec) id,
	SIM_FAULT_KINDS(X)
#undef X
		FAULT_KINDS
};
const char *fault_words(enum fault_kind kind);

/* Where a process may die. */
#define SIM_POINTS(X)                         \
	X(POINT_BEFORE_SEND, "send.before")   \
	X(POINT_AFTER_SEND, "send.after")     \
	X(POINT_BEGIN, "store.begin")         \
	X(POINT_COMMIT, "store.commit")       \
	X(POINT_COMMITTED, "store.committed") \
	X(POINT_WRITE, "store.write")         \
	X(POINT_WRITTEN, "store.written")
enum point {
#define X(id, name) id,
	SIM_POINTS(X)
#undef X
		POINT_KINDS
};
const char *point_name(enum point p);

void net_init(struct side *s);

#endif
