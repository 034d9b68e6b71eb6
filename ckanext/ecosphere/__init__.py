"""The access desk ("guichet") of a ministry's environmental data, as a suite of CKAN plugins."""
