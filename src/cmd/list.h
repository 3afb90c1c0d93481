/* The only list of commands: each line names a struct cmd cmd_NAME. In the order of the help. */
CMD(help_cmd)
CMD(version)
