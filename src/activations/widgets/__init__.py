"""What responds to the reader: each widget is an anywidget beside its ES module."""
