"""Who may do what: users, roles in projects, tokens, sessions, and what each may see."""
