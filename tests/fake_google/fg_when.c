#include "fg_model.h"

#include <string.h>

#include "base/time.h"

#include "base/banned.h"

int fg_when_parse(const struct json_object *edt, const char *cal_zone, struct fg_when *out)
{
	const char *date = json_str(edt, "date");
	const char *time = json_str(edt, "dateTime");
	const char *zone = json_str(edt, "timeZone");
	struct civil day;
	struct rfc3339 t;
	struct err err;

	if (date && !time) {
		if (date_parse(date, &day, &err))
			return -1;
		*out = (struct fg_when){.all_day = true, .s = civil_to_s(&day)};
		return 0;
	}
	if (!time || rfc3339_parse(time, &t, &err))
		return -1;
	*out = (struct fg_when){.s = t.utc};
	if (!t.has_offset)
		zone_to_utc(zone && zone_valid(zone) ? zone : cal_zone, &t.civil, &out->s);
	return 0;
}

int64_t fg_when_utc(const struct fg_when *w, const char *cal_zone)
{
	struct civil c;
	int64_t utc;

	if (!w->all_day)
		return w->s;
	civil_from_s(w->s, &c);
	zone_to_utc(cal_zone, &c, &utc);
	return utc;
}

struct json_object *fg_when_new(const struct fg_when *w, const char *edt_zone, const char *zone)
{
	struct json_object *edt = json_object_new_object();
	char buf[RFC3339_LEN];

	if (w->all_day) {
		struct civil c;

		civil_from_s(w->s, &c);
		date_format(&c, buf);
		json_set_str(edt, "date", buf);
		return edt;
	}
	rfc3339_format(w->s, zone_offset(zone, w->s), buf);
	json_set_str(edt, "dateTime", buf);
	if (edt_zone)
		json_set_str(edt, "timeZone", edt_zone);
	return edt;
}

struct json_object *fg_when_render(const struct json_object *edt, const char *zone)
{
	struct fg_when w;

	if (fg_when_parse(edt, zone, &w) || w.all_day)
		return json_clone(edt);
	return fg_when_new(&w, json_str(edt, "timeZone"), zone);
}
