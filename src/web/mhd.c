#include "web/mhd.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

#include "base/banned.h"

#define LIBRARY "libmicrohttpd.so.12"

int mhd_load(const struct mhd **out, struct err *err)
{
	static struct mhd lib;
	static bool is_loaded;
	void *handle, *symbol;

	if (is_loaded) {
		*out = &lib;
		return 0;
	}
	handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		return err_set(err, ERR_FAILED,
			       "cannot load " LIBRARY " (%s); install the package of "
			       "libmicrohttpd",
			       dlerror());
		/* POSIX gives function pointers only through a data pointer. */
#define X(name)                                                                            \
	symbol = dlsym(handle, "MHD_" #name);                                              \
	if (!symbol)                                                                       \
		return err_set(err, ERR_FAILED, LIBRARY " has no MHD_" #name ": too old"); \
	memcpy(&lib.name, &symbol, sizeof(symbol));
	MHD_FUNCTIONS(X)
#undef X
	is_loaded = true;
	*out = &lib;
	return 0;
}
