"""What front ends and the node say to each other: commands, events, views, Client and Profiles."""
