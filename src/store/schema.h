/*
 * The tables, and how an older file comes up to date. Shape and meaning of every column are in
 * schema.c; the views "CalendarEvent" and "User" are a contract with other programs.
 */
#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

#include "store/db.h"

/* PRAGMA application_id: "CalS". file(1) and this program tell our files by it. */
#define SCHEMA_APPLICATION_ID 0x43616c53
/* "CalW": the webhook's database (store/hook.h). */
#define SCHEMA_HOOK_APPLICATION_ID 0x43616c57

int schema_version(void); /* the newest one that this program knows */

/* Whether a file with this header may be opened: ours, and no newer than we are. Never writes. */
int schema_check_header(const struct db *db, const struct db_header *header, struct err *err);

/* Bring the file up to date; an up-to-date one costs one read. ERR_STORE: newer than we are. */
int schema_upgrade(struct db *db, struct err *err);

/* The mechanism itself: steps[i] leads from user_version i to i + 1. Each is a transaction with its
 * PRAGMA user_version; another process that upgrades at the same time is waited for. */
int schema_migrate(struct db *db, int application_id, const char *const steps[], int count,
		   struct err *err);

#endif
