"""What the command line and the app share: sentences, signs, slash commands, QR codes."""
