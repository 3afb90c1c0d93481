/* Inside kill.so: what start.c asks of kill.c. */
#ifndef CRASH_KILL_H
#define CRASH_KILL_H

/* Map the page behind fd, and close fd. */
void kill_attach(int fd);
/* From here on the effects of this process, and of its children, count. */
void kill_begin(void);

#endif
