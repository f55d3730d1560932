"""How Notion is spoken to: one paced client, each schema as it is live, values in Notion's forms."""
