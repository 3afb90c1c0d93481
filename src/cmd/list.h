/* The only list of commands: each line names a struct cmd cmd_NAME. In the order of the help. */
CMD(help_cmd)
CMD(version)
CMD(event_group)
CMD(event_add)
CMD(event_edit)
CMD(event_rm)
CMD(event_list)
CMD(event_show)
