#include "web/head_check.h"

#include <string.h>

#include "base/banned.h"

#define CRLF_LEN 2

static uintptr_t place(const char *s)
{
	return (uintptr_t)s;
}

void head_check_begin(struct head_check *h, const char *method, const char *target,
		      size_t target_len, const char *version)
{
	*h = (struct head_check){
		.begin = place(method),
		.next = place(version) + strlen(version) + CRLF_LEN,
		.is_loose = place(target) != place(method) + strlen(method) + 1 ||
			    place(version) != place(target) + target_len + 1,
	};
}

void head_check_header(struct head_check *h, const char *name, size_t name_len, const char *value,
		       size_t value_len)
{
	/* A colon at least is between them. */
	if (place(name) != h->next || place(value) <= place(name) + name_len)
		h->is_loose = true;
	h->next = place(value) + value_len + CRLF_LEN;
}

bool head_check_end(const struct head_check *h, size_t head_len)
{
	return !h->is_loose && h->begin + head_len == h->next + CRLF_LEN;
}
