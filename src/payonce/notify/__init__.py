"""The ways out for what is owed: outgoing webhooks and mail. An edge like the others; the core knows only handlers."""
