"""The tab Inside: five stations from the prompt to the picture, each open to what really happened."""
