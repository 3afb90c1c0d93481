/*
 * Diagnostics on stderr. Debug lines give ids and transitions, never tokens,
 * event text or addresses. Level 0 shows errors, warnings and notes (what a person wants to know
 * before it happens, nothing wrong), 1 (-v) info, 2 (-vv) debug; -1 (--quiet) errors only.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

void log_set_level(int level);
int log_level(void);

void log_error(const char *area, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_warn(const char *area, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_note(const char *area, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_info(const char *area, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_debug(const char *area, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
