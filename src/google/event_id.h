/* Ids of events that a client makes: base32hex (RFC 4648 section 7, lower case), 5 to 1024
 * characters (events.insert, "id"). */
#ifndef GOOGLE_EVENT_ID_H
#define GOOGLE_EVENT_ID_H

/*
 * The id under which an event goes on in a calendar (Google's id) where its own can no longer be
 * used. It follows from the old one, so that two stores that bring the same event back meet in one
 * event. buf holds 27 bytes.
 */
void event_id_after(const char *calendar, const char *id, char *buf);

#endif
