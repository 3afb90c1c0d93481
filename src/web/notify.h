/*
 * What the service manager is told, and what it asks for: a datagram to $NOTIFY_SOCKET.
 * Without one nothing happens.
 *
 * Source  sd_notify(3), sd_watchdog_enabled(3)
 */
#ifndef WEB_NOTIFY_H
#define WEB_NOTIFY_H

#include <stdint.h>

/* "READY=1", several lines separated by '\n'. Trouble is logged once. */
void notify_send(const char *state);
/* How often "WATCHDOG=1" is due: half of what the manager waits for; 0 = it does not. */
int64_t notify_watchdog_ms(void);

#endif
