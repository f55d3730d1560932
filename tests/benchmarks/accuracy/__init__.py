"""How right tempo and key are, on music composed here, beside other libraries; see the README one folder up."""
