/*
 * The methods of Calendar API v3, from the discovery document, revision 20260519: literal paths
 * before templates of the same length. acl, quickAdd and the rest are in here so that an
 * unknown route is one that Google does not know either.
 */
#include "fg_edge.h"

const struct fg_method fg_methods[] = {
	{"calendars.insert", "POST", "calendars", FG_S_APP_CREATED | FG_S_CALENDAR | FG_S_CALENDARS,
	 "", "Calendar", "Calendar", fg_calendars_insert},
	{"colors.get", "GET", "colors",
	 FG_S_APP_CREATED | FG_S_CALENDAR | FG_S_EVENTS_FREEBUSY | FG_S_EVENTS_OWNED |
		 FG_S_EVENTS_OWNED_READONLY | FG_S_EVENTS_PUBLIC_READONLY | FG_S_LIST |
		 FG_S_LIST_READONLY | FG_S_READONLY,
	 "", NULL, "Colors", fg_colors_get},
	{"freebusy.query", "POST", "freeBusy",
	 FG_S_CALENDAR | FG_S_EVENTS_FREEBUSY | FG_S_FREEBUSY | FG_S_READONLY, "",
	 "FreeBusyRequest", "FreeBusyResponse", fg_freebusy_query},
	{"channels.stop", "POST", "channels/stop",
	 FG_S_ACLS | FG_S_ACLS_READONLY | FG_S_APP_CREATED | FG_S_CALENDAR | FG_S_EVENTS |
		 FG_S_EVENTS_FREEBUSY | FG_S_EVENTS_OWNED | FG_S_EVENTS_OWNED_READONLY |
		 FG_S_EVENTS_PUBLIC_READONLY | FG_S_EVENTS_READONLY | FG_S_LIST |
		 FG_S_LIST_READONLY | FG_S_READONLY | FG_S_SETTINGS_READONLY,
	 "", "Channel", NULL, fg_channels_stop},
	{"calendars.delete", "DELETE", "calendars/{calendarId}",
	 FG_S_APP_CREATED | FG_S_CALENDAR | FG_S_CALENDARS, "", NULL, NULL, fg_calendars_delete},
	{"calendars.get", "GET", "calendars/{calendarId}",
	 FG_S_APP_CREATED | FG_S_CALENDAR | FG_S_CALENDARS | FG_S_CALENDARS_READONLY |
		 FG_S_READONLY,
	 "", NULL, "Calendar", fg_calendars_get},
	{"calendars.patch", "PATCH", "calendars/{calendarId}",
	 FG_S_APP_CREATED | FG_S_CALENDAR | FG_S_CALENDARS, "", "Calendar", "Calendar",
	 fg_calendars_patch},
	{"calendars.update", "PUT", "calendars/{calendarId}",
	 FG_S_APP_CREATED | FG_S_CALENDAR | FG_S_CALENDARS, "", "Calendar", "Calendar",
	 fg_calendars_update},
	{"calendarList.insert", "POST", "users/me/calendarList", FG_S_CALENDAR | FG_S_LIST,
	 " colorRgbFormat ", "CalendarListEntry", "CalendarListEntry", fg_calendar_list_insert},
	{"calendarList.list", "GET", "users/me/calendarList",
	 FG_S_CALENDAR | FG_S_LIST | FG_S_LIST_READONLY | FG_S_READONLY,
	 " maxResults minAccessRole pageToken showDeleted showHidden syncToken ", NULL,
	 "CalendarList", fg_calendar_list_list},
	{"settings.list", "GET", "users/me/settings",
	 FG_S_CALENDAR | FG_S_READONLY | FG_S_SETTINGS_READONLY, " maxResults pageToken syncToken ",
	 NULL, "Settings", fg_settings_list},
	{"acl.insert", "POST", "calendars/{calendarId}/acl", FG_S_ACLS | FG_S_CALENDAR,
	 " sendNotifications ", "AclRule", "AclRule", fg_acl_insert},
	{"acl.list", "GET", "calendars/{calendarId}/acl",
	 FG_S_ACLS | FG_S_ACLS_READONLY | FG_S_CALENDAR,
	 " maxResults pageToken showDeleted syncToken ", NULL, "Acl", fg_acl_list},
	{"calendars.clear", "POST", "calendars/{calendarId}/clear", FG_S_CALENDAR | FG_S_CALENDARS,
	 "", NULL, NULL, fg_calendars_clear},
	{"events.insert", "POST", "calendars/{calendarId}/events",
	 FG_S_APP_CREATED | FG_S_CALENDAR | FG_S_EVENTS | FG_S_EVENTS_OWNED,
	 " conferenceDataVersion maxAttendees sendNotifications sendUpdates supportsAttachments ",
	 "Event", "Event", fg_events_insert},
	{"events.list", "GET", "calendars/{calendarId}/events",
	 FG_S_APP_CREATED | FG_S_CALENDAR | FG_S_EVENTS | FG_S_EVENTS_FREEBUSY | FG_S_EVENTS_OWNED |
		 FG_S_EVENTS_OWNED_READONLY | FG_S_EVENTS_PUBLIC_READONLY | FG_S_EVENTS_READONLY |
		 FG_S_READONLY,
	 " alwaysIncludeEmail eventTypes iCalUID maxAttendees maxResults orderBy pageToken "
	 "privateExtendedProperty q sharedExtendedProperty showDeleted showHiddenInvitations "
	 "singleEvents syncToken timeMax timeMin timeZone updatedMin ",
	 NULL, "Events", fg_events_list},
	{"calendarList.watch", "POST", "users/me/calendarList/watch",
	 FG_S_CALENDAR | FG_S_LIST | FG_S_LIST_READONLY | FG_S_READONLY,
	 " maxResults minAccessRole pageToken showDeleted showHidden syncToken ", "Channel",
	 "Channel", fg_calendar_list_watch},
	{"settings.watch", "POST", "users/me/settings/watch",
	 FG_S_CALENDAR | FG_S_READONLY | FG_S_SETTINGS_READONLY, " maxResults pageToken syncToken ",
	 "Channel", "Channel", fg_settings_watch},
	{"calendarList.delete", "DELETE", "users/me/calendarList/{calendarId}",
	 FG_S_APP_CREATED | FG_S_CALENDAR | FG_S_LIST, "", NULL, NULL, fg_calendar_list_delete},
	{"calendarList.get", "GET", "users/me/calendarList/{calendarId}",
	 FG_S_APP_CREATED | FG_S_CALENDAR | FG_S_LIST | FG_S_LIST_READONLY | FG_S_READONLY, "",
	 NULL, "CalendarListEntry", fg_calendar_list_get},
	{"calendarList.patch", "PATCH", "users/me/calendarList/{calendarId}",
	 FG_S_APP_CREATED | FG_S_CALENDAR | FG_S_LIST, " colorRgbFormat ", "CalendarListEntry",
	 "CalendarListEntry", fg_calendar_list_patch},
	{"calendarList.update", "PUT", "users/me/calendarList/{calendarId}",
	 FG_S_APP_CREATED | FG_S_CALENDAR | FG_S_LIST, " colorRgbFormat ", "CalendarListEntry",
	 "CalendarListEntry", fg_calendar_list_update},
	{"settings.get", "GET", "users/me/settings/{setting}",
	 FG_S_CALENDAR | FG_S_READONLY | FG_S_SETTINGS_READONLY, "", NULL, "Setting",
	 fg_settings_get},
	{"acl.watch", "POST", "calendars/{calendarId}/acl/watch",
	 FG_S_ACLS | FG_S_ACLS_READONLY | FG_S_CALENDAR,
	 " maxResults pageToken showDeleted syncToken ", "Channel", "Channel", fg_acl_watch},
	{"events.import", "POST", "calendars/{calendarId}/events/import",
	 FG_S_APP_CREATED | FG_S_CALENDAR | FG_S_EVENTS | FG_S_EVENTS_OWNED,
	 " conferenceDataVersion supportsAttachments ", "Event", "Event", fg_events_import},
	{"events.quickAdd", "POST", "calendars/{calendarId}/events/quickAdd",
	 FG_S_APP_CREATED | FG_S_CALENDAR | FG_S_EVENTS | FG_S_EVENTS_OWNED,
	 " sendNotifications sendUpdates text ", NULL, "Event", fg_events_quick_add},
	{"events.watch", "POST", "calendars/{calendarId}/events/watch",
	 FG_S_APP_CREATED | FG_S_CALENDAR | FG_S_EVENTS | FG_S_EVENTS_FREEBUSY | FG_S_EVENTS_OWNED |
		 FG_S_EVENTS_OWNED_READONLY | FG_S_EVENTS_PUBLIC_READONLY | FG_S_EVENTS_READONLY |
		 FG_S_READONLY,
	 " alwaysIncludeEmail eventTypes iCalUID maxAttendees maxResults orderBy pageToken "
	 "privateExtendedProperty q sharedExtendedProperty showDeleted showHiddenInvitations "
	 "singleEvents syncToken timeMax timeMin timeZone updatedMin ",
	 "Channel", "Channel", fg_events_watch},
	{"acl.delete", "DELETE", "calendars/{calendarId}/acl/{ruleId}", FG_S_ACLS | FG_S_CALENDAR,
	 "", NULL, NULL, fg_acl_delete},
	{"acl.get", "GET", "calendars/{calendarId}/acl/{ruleId}",
	 FG_S_ACLS | FG_S_ACLS_READONLY | FG_S_CALENDAR | FG_S_READONLY, "", NULL, "AclRule",
	 fg_acl_get},
	{"acl.patch", "PATCH", "calendars/{calendarId}/acl/{ruleId}", FG_S_ACLS | FG_S_CALENDAR,
	 " sendNotifications ", "AclRule", "AclRule", fg_acl_patch},
	{"acl.update", "PUT", "calendars/{calendarId}/acl/{ruleId}", FG_S_ACLS | FG_S_CALENDAR,
	 " sendNotifications ", "AclRule", "AclRule", fg_acl_update},
	{"events.delete", "DELETE", "calendars/{calendarId}/events/{eventId}",
	 FG_S_APP_CREATED | FG_S_CALENDAR | FG_S_EVENTS | FG_S_EVENTS_OWNED,
	 " sendNotifications sendUpdates ", NULL, NULL, fg_events_delete},
	{"events.get", "GET", "calendars/{calendarId}/events/{eventId}",
	 FG_S_APP_CREATED | FG_S_CALENDAR | FG_S_EVENTS | FG_S_EVENTS_FREEBUSY | FG_S_EVENTS_OWNED |
		 FG_S_EVENTS_OWNED_READONLY | FG_S_EVENTS_PUBLIC_READONLY | FG_S_EVENTS_READONLY |
		 FG_S_READONLY,
	 " alwaysIncludeEmail maxAttendees timeZone ", NULL, "Event", fg_events_get},
	{"events.patch", "PATCH", "calendars/{calendarId}/events/{eventId}",
	 FG_S_APP_CREATED | FG_S_CALENDAR | FG_S_EVENTS | FG_S_EVENTS_OWNED,
	 " alwaysIncludeEmail conferenceDataVersion maxAttendees sendNotifications sendUpdates "
	 "supportsAttachments ",
	 "Event", "Event", fg_events_patch},
	{"events.update", "PUT", "calendars/{calendarId}/events/{eventId}",
	 FG_S_APP_CREATED | FG_S_CALENDAR | FG_S_EVENTS | FG_S_EVENTS_OWNED,
	 " alwaysIncludeEmail conferenceDataVersion maxAttendees sendNotifications sendUpdates "
	 "supportsAttachments ",
	 "Event", "Event", fg_events_update},
	{"events.instances", "GET", "calendars/{calendarId}/events/{eventId}/instances",
	 FG_S_APP_CREATED | FG_S_CALENDAR | FG_S_EVENTS | FG_S_EVENTS_FREEBUSY | FG_S_EVENTS_OWNED |
		 FG_S_EVENTS_OWNED_READONLY | FG_S_EVENTS_PUBLIC_READONLY | FG_S_EVENTS_READONLY |
		 FG_S_READONLY,
	 " alwaysIncludeEmail maxAttendees maxResults originalStart pageToken showDeleted timeMax "
	 "timeMin timeZone ",
	 NULL, "Events", fg_events_instances},
	{"events.move", "POST", "calendars/{calendarId}/events/{eventId}/move",
	 FG_S_CALENDAR | FG_S_EVENTS | FG_S_EVENTS_OWNED,
	 " destination sendNotifications sendUpdates ", NULL, "Event", fg_events_move},
	{0},
};
