"""The vocabulary: money, commands, results, events, topics, tables; imports none of ours."""
