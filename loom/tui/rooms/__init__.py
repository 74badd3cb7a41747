"""The screens about rooms: members, details, channels, making one."""
