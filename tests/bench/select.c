/* What `calsync event list` is compared with: a program that opens the store and selects a row. */
#include <sqlite3.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *row = NULL;
	int status = 1;

	if (argc == 2 && sqlite3_open_v2(argv[1], &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
	    sqlite3_prepare_v2(db, "SELECT id, summary FROM event LIMIT 1", -1, &row, NULL) ==
		    SQLITE_OK &&
	    sqlite3_step(row) == SQLITE_ROW) {
		printf("%s %s\n", (const char *)sqlite3_column_text(row, 0),
		       (const char *)sqlite3_column_text(row, 1));
		status = 0;
	}
	sqlite3_finalize(row);
	sqlite3_close(db);
	return status;
}
