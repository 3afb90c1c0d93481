#include "base/fault.h"

struct fault_hook *fault_hook;
