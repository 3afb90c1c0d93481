/* What the files of src/store share: the store itself, and how rows keep JSON. */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include "store/db.h"
#include "store/store.h"

struct store {
	struct db *db;
};

struct store_look;

struct health_kind { /* of a database of ours */
	int application_id;
	int newest;                     /* version of its schema that this program knows */
	const struct db_bounds *bounds; /* db_open_to_look()'s */
};

/* store_look() and store_check_pages() of any of them. */
int health_look(const char *path, const struct health_kind *kind, struct store_look *look,
		struct db **out, struct err *err);
int health_check_pages(struct db *db, bool quick, struct strbuf *out_trouble, struct err *err);

/* A name of a state as the X lists write it; an unknown one (a damaged row) gives -1. */
int name_index(const char *const names[], size_t count, const char *name);

/* A JSON column. ERR_STORE, "<what> <key> ...", when it does not parse any more; NULL for NULL. */
int col_json(struct stmt *st, int col, const char *what, const char *key, struct json_object **out,
	     struct err *err);

/* JSON text for binding, NULL for NULL. Borrowed as json_text() says. */
const char *json_bind(struct json_object *obj);

#endif
