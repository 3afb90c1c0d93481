/* Which libcrypto is loaded. */
#ifndef SECRET_LIBRARY_H
#define SECRET_LIBRARY_H

const char *secret_library_version(void); /* "3.0.19"; static */

#endif
